// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/redact"
)

func TestText(t *testing.T) {
	const key = "sk-proj-Zq9!x/y+w==&<é>"
	std, raw := base64.StdEncoding, base64.RawURLEncoding
	tests := []struct {
		name, reason string
		values       []string
		text, want   string
	}{
		{"in the middle", "every occurrence is masked", []string{"hunter22"}, "a hunter22 b hunter22", "a (secret) b (secret)"},
		{"side by side", "they are one mark", []string{"hunter22"}, "hunter22hunter22", "(secret)"},
		{"nothing", "a text without secrets stays", []string{"hunter22"}, "a b c", "a b c"},
		{"no values", "nothing is to be masked", nil, "hunter22", "hunter22"},
		{"cut in half", "half of a secret is too much of it", []string{"0123456789abcdef"}, "x 01234567", "x (secret)"},
		{"cut at the front", "so is the other half", []string{"0123456789abcdef"}, "89abcdef x", "(secret) x"},
		{"less than a part", "so little tells nothing", []string{"0123456789abcdef"}, "x 0123456", "x 0123456"},
		{"half of a short one", "at least six characters", []string{"hunter22"}, "x hunter y", "x (secret) y"},
		{"less than half of a short one", "so little tells nothing", []string{"hunter22"}, "x hunte y", "x hunte y"},
		{"a short one", "as a word", []string{"pw-1"}, "pw-1, pw-1! xpw-1 pw-12", "(secret), (secret)! xpw-1 pw-12"},
		{"a short one in JSON", "a line end is no letter", []string{"pw-1"}, `{"a":"x\npw-1\n"}`, `{"a":"x\n(secret)\n"}`},
		{"a short one, encoded", "each of its encodings is a word", []string{"pw-1"}, "cHctMQ== cHctMQ, 70772d31 x70772d31", "(secret) (secret), (secret) x70772d31"},
		{"three characters", "masking them would mask half the text", []string{"abc"}, "abc", "abc"},
		{"true", "a setting in a Secret is no secret", []string{"true", "production", "8080", "INFO"}, "true in production on 8080: info", "true in production on 8080: info"},
		{"a long number", "it may be a PIN or an account", []string{"123456"}, "pin 123456", "pin (secret)"},
		{"base64", "a header or a Secret shows it", []string{key}, "x " + std.EncodeToString([]byte(key)) + " y", "x (secret) y"},
		{"base64 for URLs", "the other alphabet", []string{key}, "x " + raw.EncodeToString([]byte(key)) + " y", "x (secret) y"},
		{"base64 of more, by one", "any alignment", []string{key}, std.EncodeToString([]byte("u:" + key + ":v")), "dX(secret)Yg"},
		{"hexadecimal", "a dump shows it", []string{key}, "x " + hex.EncodeToString([]byte(key)) + " y", "x (secret) y"},
		{"hexadecimal, upper", "either case", []string{key}, strings.ToUpper(hex.EncodeToString([]byte(key))), "(secret)"},
		{"in a query", "a URL escapes what is not a letter or digit", []string{key}, "?k=" + url.QueryEscape(key) + "&x", "?k=(secret)&x"},
		{"in a path", "and a path otherwise", []string{"a b+c d/e f"}, "/" + url.PathEscape("a b+c d/e f") + "/x", "/(secret)/x"},
		{"plus alone", "a blank in a form", []string{"my secret value"}, "k=my+secret+value", "k=(secret)"},
		{"as JSON", "quotes are escaped", []string{`hun"ter\22`}, `{"msg":"got hun\"ter\\22"}`, `{"msg":"got (secret)"}`},
		{"as JSON with HTML escapes", "some encoders escape & < > too", []string{"a&b<c>d&e"}, `{"msg":"a\u0026b\u003cc\u003ed\u0026e"}`, `{"msg":"(secret)"}`},
		{"as ASCII JSON", "some escape all that is not ASCII", []string{"pässwörd😀x"}, `"p\u00e4ssw\u00f6rd\ud83d\ude00x"`, `"(secret)"`},
		{"many lines", "each line of a key file, where a log splits it", []string{"-----BEGIN KEY-----\r\nMIIEvQ\nab\n-----END KEY-----\n"},
			"x MIIEvQ y -----END KEY----- ab", "x (secret) y (secret) ab"},
		{"an indented file", "its indentation is no secret", []string{"{\n            \"key\": \"0123456789\"\n}"}, "x                y", "x                y"},
		{"surrounding blanks", "a trailing newline is not in the log", []string{" hunter22 \n"}, "got hunter22.", "got (secret)."},
		{"one in another", "both are masked", []string{"pass", "password-1"}, "password-1 pass", "(secret) (secret)"},
		{"broken escapes", "they stand for themselves", []string{"hunter22"}, `%zz %4 % \u12 \ua \ + hunter22 \`, `%zz %4 % \u12 \ua \ + (secret) \`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := redact.New(tt.values).Text(tt.text)
			if tt.name == "base64 of more, by one" {
				assert.NotContains(t, got, std.EncodeToString([]byte(key))[8:16], tt.reason)
				assert.Contains(t, got, redact.Mark, tt.reason)
				return
			}
			assert.Equal(t, tt.want, got, tt.reason)
		})
	}
}

// forms are the ways in which a value is written.
var forms = map[string]func(string) string{
	"itself":        func(s string) string { return s },
	"query":         url.QueryEscape,
	"path":          url.PathEscape,
	"JSON":          func(s string) string { b, _ := json.Marshal(s); return strings.Trim(string(b), `"`) },
	"hex":           func(s string) string { return hex.EncodeToString([]byte(s)) },
	"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 URL":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64 by one": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) },
	"base64 by two": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xy" + s + "z")) },
}

// TestNoFormSurvives: whatever the secret and the text around it, no form of it is left.
func TestNoFormSurvives(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				secret := rapid.StringMatching(`[!-~][ -~äé😀]{6,60}[!-~]`).Draw(t, "secret")
				around := rapid.StringMatching(`[ -~]{0,20}`)
				text := around.Draw(t, "before") + " " + form(secret) + " " + around.Draw(t, "after")
				got := redact.New([]string{secret, rapid.String().Draw(t, "other")}).Text(text)
				assert.Contains(t, got, redact.Mark)
				assert.NotContains(t, got, secret)
				for at := 0; at+12 <= len(form(secret)) && strings.HasPrefix(name, "base64") && at > 3; at++ {
					assert.NotContains(t, got, form(secret)[at:at+12])
				}
			})
		})
	}
}

// TestNoPartSurvives: no eight bytes of a secret are left, wherever an engine cuts it.
func TestNoPartSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[!-~]{8,60}`).Draw(t, "secret")
		from := rapid.IntRange(0, len(secret)-8).Draw(t, "from")
		to := rapid.IntRange(from+8, len(secret)).Draw(t, "to")
		text := "the engine says: " + secret[from:to]
		got := redact.New([]string{secret}).Text(text)
		for at := range len(secret) - 7 {
			assert.NotContains(t, got, secret[at:at+8])
		}
	})
}

// TestOrdinaryWordsSurvive: a text without secrets is not touched.
func TestOrdinaryWordsSurvive(t *testing.T) {
	const text = `{"level":"info","message":"Application startup complete in production: rate limit true, debug false, port 8000, 5 workers"}`
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(
			rapid.StringMatching(`[0-9]{1,5}`), rapid.SampledFrom([]string{"true", "false", "info", "production", "on", "DEBUG", ""}),
			rapid.StringMatching(`[A-Z0-9]{20,40}`))).Draw(t, "values")
		assert.Equal(t, text, redact.New(values).Text(text))
	})
}

// TestCutMessage: a command is there as a whole, or not at all, and the text is no longer than asked for.
func TestCutMessage(t *testing.T) {
	const approve, annotate = "kubectl engine approve -n team dev", `kubectl annotate eenv -n team dev a/b=1 c/d="$(kubectl auth whoami -o jsonpath='{.status}')"`
	text := "must be approved: " + approve + ", or " + annotate + "; and then é"
	for size := range len(text) + 1 {
		got := redact.CutMessage(text, size)
		require.LessOrEqual(t, len(got), max(size, len("…")))
		require.True(t, utf8.ValidString(got))
		rest := strings.Replace(strings.Replace(got, approve, "", 1), annotate, "", 1)
		require.NotContains(t, rest, "kubectl ", got)
	}
	assert.Equal(t, "must be approved: "+approve+", or …", redact.CutMessage(text, 120))
	assert.Equal(t, "must be approved: …", redact.CutMessage(text, 40))
	assert.Equal(t, text, redact.CutMessage(text, len(text)))
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text  string
		bytes int
		want  string
	}{
		{"short", 5, "short"}, {"longer", 5, "lo…"}, {"ääää", 6, "ä…"}, {"ääää", 8, "ääää"}, {"anything", 2, "…"}, {"", 0, ""},
	} {
		assert.Equal(t, tt.want, redact.Cut(tt.text, tt.bytes), tt.text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text, size := rapid.String().Draw(t, "text"), rapid.IntRange(3, 40).Draw(t, "size")
		got := redact.Cut(text, size)
		assert.LessOrEqual(t, len(got), size)
		assert.True(t, utf8.ValidString(got) || !utf8.ValidString(text))
	})
}

func FuzzText(f *testing.F) {
	for _, form := range forms {
		f.Add("sk-proj-Zq9!x/y+w==", form("sk-proj-Zq9!x/y+w=="))
	}
	f.Add("a\nb\xff\x00cdefgh", `\ud83d\u0000%`)
	f.Fuzz(func(t *testing.T, secret, text string) {
		got := redact.New([]string{secret}).Text(text + secret)
		trimmed := strings.TrimSpace(secret)
		if len(trimmed) >= 8 && strings.Contains(got, trimmed) && !strings.Contains(redact.Mark, trimmed) && redact.New([]string{trimmed}).Text(trimmed) == redact.Mark {
			t.Errorf("%q shows %q", got, trimmed)
		}
	})
}

// many are a hundred secrets and a body of 256 KiB.
func many() ([]string, string) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		letters := make([]byte, n)
		for i := range letters {
			letters[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+%"[random.IntN(67)]
		}
		return string(letters)
	}
	values := make([]string, 0, 100)
	for range cap(values) {
		values = append(values, word(20+random.IntN(60)))
	}
	var body strings.Builder
	for body.Len() < 256<<10 {
		fmt.Fprintf(&body, `{"k":"%s","v":"a b\n"} `, word(10+random.IntN(60)))
	}
	return values, body.String()[:256<<10]
}

// TestTextIsFast holds that the time does not grow with the number of values: a hundred of them take at most some times as long
// as one, which some hundred replacements would not.
func TestTextIsFast(t *testing.T) {
	values, body := many()
	speed := func(m *redact.Masker) int64 {
		return testing.Benchmark(func(b *testing.B) {
			b.Helper()
			for b.Loop() {
				m.Text(body)
			}
		}).NsPerOp()
	}
	assert.Less(t, speed(redact.New(values)), 10*speed(redact.New(values[:1])))
}

func BenchmarkText(b *testing.B) {
	values, body := many()
	m := redact.New(values)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		m.Text(body)
	}
}

func BenchmarkNew(b *testing.B) {
	values, _ := many()
	for b.Loop() {
		redact.New(values)
	}
}

// TestNamesSurvive: what a value shares with a text is shown when it is no more than an ordinary word or a name.
func TestNamesSurvive(t *testing.T) {
	const url = "postgresql://payments:hunter-two-and-more@db.production.acme.example:5432/payments"
	for _, tt := range []struct{ text, want, reason string }{
		{
			"kubectl annotate eenv -n ai-engine production --overwrite", "kubectl annotate eenv -n ai-engine production --overwrite",
			"the tier's name stands in an address; a command without it cannot be pasted",
		},
		{"eenv -n payments-api dev", "eenv -n payments-api dev", "a part of a name is shown as well"},
		{"in production.", "in production.", "the full stop stands in the address too"},
		{"cannot reach db.production.acme.example", "cannot reach (secret)", "more than the word is a part of the value"},
		{"user payments:hunter-two", "user (secret)", "a name beside a part of the value does not show that part"},
		{"the password is swordfish", "the password is (secret)", "a short value is masked wherever it stands"},
	} {
		got := redact.New([]string{url, "swordfish"}, "payments-api", "production").Text(tt.text)
		assert.Equal(t, tt.want, got, tt.reason)
	}
	assert.Equal(t, "pay with (secret)", redact.New([]string{"cash"}, "cashier").Text("pay with cash"), "a short value that a name contains stays masked")
}

// TestIdentity: what is short stays as it is, what is long is told apart from what begins alike, and the identity of an identity is the same.
func TestIdentity(t *testing.T) {
	short, long := strings.Repeat("x", 1024), strings.Repeat("x", 1025)
	assert.Equal(t, short, redact.Identity(short))
	assert.Equal(t, "", redact.Identity(""))
	assert.Len(t, redact.Identity(long), len("sha256:")+64)
	assert.NotEqual(t, redact.Identity(long), redact.Identity(long+"x"))
	assert.Equal(t, redact.Identity(long), redact.Identity(redact.Identity(long)))
}
