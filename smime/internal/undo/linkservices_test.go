package undo

import (
	"crypto"
	"strings"
	"testing"
)

// TestUnwrapLink: the link before, for each service whose links hold it.
func TestUnwrapLink(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc&data=05%7C01&reserved=0": "https://example.org/a?b=c",
		"https://urldefense.proofpoint.com/v2/url?u=https-3A__example.org_a-3Fb-3Dc-5Fd&d=DwMFaQ&c=x&r=y&m=z&s=s&e=":        "https://example.org/a?b=c_d",
		"https://urldefense.com/v3/__https://example.org/a*b=c__;Pw!!ABC!xyz$":                                              "https://example.org/a?b=c",
		"https://urldefense.com/v3/__https://example.org/**A/x__;KyM!!ABC!xyz$":                                             "https://example.org/+#/x",
		"https://urldefense.com/v3/__https://example.org/**-__;Pw!!ABC!xyz$":                                                "",
		"https://urldefense.com/v3/__https://example.org/*a*__;Pw!!ABC!xyz$":                                                "",
		"https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fexample.org%2f&c=E,1,x&typo=1":                                 "https://example.org/",
		"https://secure-web.cisco.com/1abcDEF/https%3A%2F%2Fexample.org%2Fa":                                                "https://example.org/a",
		"https://eu-west-1.protection.sophos.com?d=example.org&u=aHR0cHM6Ly9leGFtcGxlLm9yZy9h&i=x&t=y":                      "https://example.org/a",
		"https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url=https%3a%2f%2fexample.org&umid=x&auth=y":         "https://example.org",
		"https://protect2.fireeye.com/v1/url?k=x&q=1&e=y&u=https%3A%2F%2Fexample.org%2F":                                    "https://example.org/",
		"https://clicktime.symantec.com/15abc?h=x&u=https%3A%2F%2Fexample.org%2F":                                           "https://example.org/",
		"https://www.google.com/url?q=https://example.org/a&source=gmail&ust=1&usg=x":                                       "https://example.org/a",
		"https://url.avanan.click/v2/___https://example.org/a___.YXAzOmV4YW1wbGU":                                           "https://example.org/a",
		"https://mail.example.net/fmlurlsvc/?fewReq=:B:x&url=https%3a%2f%2fexample.org%2f":                                  "https://example.org/",
		"https://protect-eu.mimecast.com/s/AbCdEf?domain=example.org":                                                       "",
		"https://example.org/?url=https%3A%2F%2Fexample.com":                                                                "",
	} {
		if got, n := unwrapLink(link); got != want || want != "" && n != len(link) {
			t.Errorf("%s: %q, %d, want %q", link, got, n, want)
		}
	}
}

// A link to a service itself is none of those that it writes.
func TestNoServiceLink(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"https://www.google.com/url", "https://www.google.com/", "https://linkprotect.cudasvc.com", "https://linkscan.io/",
		"https://mimecast.com/s/x", "https://notmimecast.com/s/x", "https://example.org/fmlurlsvc", "mailto:a@linkscan.io",
	} {
		if s := serviceOf(link); s != nil {
			t.Errorf("%s is one of %s", link, s.name)
		}
	}
}

// A service whose links do not hold those before is named, as no more than suspected.
func TestFindSuspected(t *testing.T) {
	t.Parallel()
	for link, name := range map[string]string{
		"https://protect-eu.mimecast.com/s/AbCdEf?domain=example.org":         "Mimecast URL Protect (mimecast.com)",
		"https://atpscan.global.hornetsecurity.com/index.php?atp_str=x":       "Hornetsecurity",
		"https://urldefense.com/v3/__https://example.org/__;!!ABC!xyz$":       "Proofpoint URL Defense (urldefense.com)",
		"https://eu-west-1.protection.sophos.com?d=example.org&u=x&i=x&t=y":   "Sophos Email (protection.sophos.com)",
		"https://nam02.safelinks.protection.outlook.com/ap/t-59584e83/?url=x": "Microsoft Safe Links (safelinks.protection.outlook.com)",
	} {
		text := []byte("Content-Type: text/plain\r\n\r\nSee " + link + " now\r\n")
		got, err := find(t.Context(), &Content{Text: text, Hash: crypto.SHA256, Digest: make([]byte, 32)}, &budget{limit: 1 << 20})
		if err != nil || got.Change != "" || got.Suspected != ChangeLinks || !strings.Contains(got.Sentence, name) || !strings.Contains(got.Sentence, "not proven") {
			t.Errorf("%s: %+v, %v", link, got, err)
		}
	}
}
