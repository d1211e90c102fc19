// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// Why a check is skipped.
const (
	sleeps       = "the service sleeps, and a request would wake it"
	noDomain     = "the service has no public domain"
	onlyCustom   = "the service has no generated domain: name one of its custom domains in host"
	noDeployment = "the service has no deployment"
	unverified   = "Railway has not verified the custom domain %s yet: set its DNS records"
	notHeld      = "the revision that is held has no service %q"
	unread       = "Railway has not been read yet"
)

func (in *BuildInput) request(declared *v1alpha1.HTTPCheck, place string) (*Request, string, error) {
	host, unavailable, err := in.host(declared, place)
	if err != nil {
		return nil, "", err
	}
	r := &Request{
		Method: cmp.Or(string(declared.Method), defaultMethod), Host: host, Path: declared.Path, Body: declared.Body, Headers: map[string]string{},
	}
	if declared.BodyFrom != nil {
		if r.Body, _, err = desired.Value(declared.BodyFrom, in.Sources, place+".bodyFrom"); err != nil {
			return nil, "", err
		}
	}
	for i := range declared.Headers {
		header := &declared.Headers[i]
		if r.Headers[header.Name], err = in.header(header, fmt.Sprintf("%s.headers[%s]", place, header.Name)); err != nil {
			return nil, "", err
		}
	}
	return r, unavailable, nil
}

// header is the header's value without the blanks around it: a Secret made from a file ends in a newline.
func (in *BuildInput) header(declared *v1alpha1.Header, place string) (value string, err error) {
	if declared.Value != nil {
		value = *declared.Value
	} else if value, _, err = desired.Value(declared.ValueFrom, in.Sources, place); err != nil {
		return "", err
	}
	value = strings.TrimSpace(value)
	if strings.ContainsFunc(value, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) {
		return "", invalid("%s: the value has a line end or another control character inside, which no header may have: remove it", place)
	}
	return value, nil
}

// target is the service; unavailable says why there is none to check.
func (in *BuildInput) target(service, place string) (target Target, unavailable string, err error) {
	service = cmp.Or(service, in.Spec.Engine.Name)
	target, known := in.Targets[service]
	switch {
	case known:
		return target, "", nil
	case in.Held:
		return target, fmt.Sprintf(notHeld, service), nil
	default:
		return target, "", invalid("%s.service: the spec declares no service %q", place, service)
	}
}

// host is where the request goes: the generated domain of a service, unless the check names a host.
func (in *BuildInput) host(declared *v1alpha1.HTTPCheck, place string) (host, unavailable string, err error) {
	if declared.Host != "" {
		unavailable, err = in.named(declared.Host, place)
		return declared.Host, unavailable, err
	}
	target, unavailable, err := in.target(declared.Service, place)
	switch {
	case err != nil || unavailable != "":
		return "", unavailable, err
	case target.Host == "" && len(target.CustomHosts) > 0:
		return "", onlyCustom, nil
	case target.Host == "":
		return "", noDomain, nil
	default:
		return target.Host, asleep(target), nil
	}
}

func asleep(target Target) string {
	if target.Sleeping {
		return sleeps
	}
	return ""
}

// named judges a host that a check names: a domain of a declared service, or one that the administrator allows.
func (in *BuildInput) named(host, place string) (unavailable string, err error) {
	if slices.Contains(in.AllowedHosts, host) {
		return "", nil
	}
	for _, target := range in.Targets {
		verified, custom := target.CustomHosts[host]
		switch {
		case custom && !verified:
			return fmt.Sprintf(unverified, host), nil
		case custom || target.Host == host:
			return asleep(target), nil
		}
	}
	if in.Unobserved && canBePublic(host) {
		return unread, nil
	}
	return "", invalid("%s.host: %s is not allowed: it is no domain of a declared service, and the operator's administrator "+
		"allows other hosts with --probe-allow-hosts", place, host)
}

// canBePublic reports whether the name can be a custom domain, as far as a name tells: what can not is refused before anything
// is written.
func canBePublic(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return false
	}
	return !slices.ContainsFunc([]string{".svc", ".local", ".localhost", ".internal"}, func(suffix string) bool {
		return strings.HasSuffix(host, suffix)
	})
}
