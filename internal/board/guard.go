// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// policy lets the page load its own files and call its own server, and nothing else: no inline script or style, no frame, no form.
// Trusted types forbid every sink that makes markup out of a string.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var answerHeaders = map[string]string{
	"Content-Security-Policy":      policy,
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Cache-Control":                "no-store",
}

// newToken is the key of a session: whoever has it acts with the user's rights.
func newToken() string { return rand.Text() + rand.Text() }

// guard refuses what no page of ours sends. A site that another page's name resolves to this address (DNS rebinding) sends that
// name as Host; another site's page, and another port's, sends its own Origin or says so in Sec-Fetch-Site.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range answerHeaders {
			w.Header().Set(name, value)
		}
		if problem := foreign(r); problem != "" {
			http.Error(w, problem, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says what is wrong with where a request comes from, empty when nothing is.
func foreign(r *http.Request) string {
	if !ownHost(r.Host) {
		return "the board answers under localhost and loopback addresses only"
	}
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+r.Host {
		return "this request comes from another site"
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // none: the person entered the address
		return ""
	}
	if opens(r) {
		return ""
	}
	return "this request comes from another site"
}

// opens reports whether a person follows a link to the page, for instance the one in a chat. What it shows needs the key still,
// and no other page can frame it.
func opens(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Origin") == "" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// ownHost reports whether the Host is one that no name server can point elsewhere. The port may be another one, through ssh -L.
func ownHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// keyed asks for the session's key. It travels in a header, which no form and no other site's page can set, and in no cookie,
// which every server on loopback would get.
func keyed(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			fail(w, http.StatusUnauthorized, "this page has no valid key: open the address that the board printed when it started")
			return
		}
		if r.Method != http.MethodGet && r.Header.Get("Content-Type") != "application/json" {
			fail(w, http.StatusUnsupportedMediaType, "send JSON")
			return
		}
		next.ServeHTTP(w, r)
	})
}
