package view

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/cli"
)

// TestToken: the printed address works once; the address it leads to holds no token, and without
// the cookie nothing.
func TestToken(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	c := stranger(t)
	c.do(http.MethodGet, "http://"+s.guard.address+"/", nil, nil).want(t, http.StatusForbidden, "Open the address")
	c.do(http.MethodGet, "http://"+s.guard.address+"/?token="+strings.Repeat("x", len(s.guard.token)), nil, nil).want(t, http.StatusForbidden, "token is wrong")
	c.do(http.MethodGet, "http://"+s.guard.address+"/?token=", nil, nil).want(t, http.StatusForbidden, "token is wrong")
	// What only looks ahead does not spend it.
	c.do(http.MethodHead, s.URL(), nil, nil).want(t, http.StatusServiceUnavailable)
	c.do(http.MethodGet, s.URL(), nil, map[string]string{"Sec-Purpose": "prefetch;prerender"}).want(t, http.StatusServiceUnavailable)

	in := enter(t, s)
	in.get("").want(t, http.StatusOK, "Who signed this mail?")
	if strings.Contains(in.base, s.guard.token) || strings.Contains(in.get("").body, s.guard.token) {
		t.Errorf("the token is in %s or in its page", in.base)
	}
	in.do(http.MethodGet, s.URL(), nil, nil).want(t, http.StatusForbidden, "was used")
	c.do(http.MethodGet, s.URL(), nil, nil).want(t, http.StatusForbidden, "was used")
	c.do(http.MethodGet, in.base, nil, nil).want(t, http.StatusForbidden, "Not let in yet")
	c.do(http.MethodGet, in.base, nil, map[string]string{"Cookie": cookieName + "=guess"}).want(t, http.StatusForbidden, "Not let in yet")
	// The cookie alone, under another path, is of no use either.
	c.do(http.MethodGet, "http://"+s.guard.address+"/other/", nil, map[string]string{"Cookie": cookieName + "=" + s.guard.cookie}).want(t, http.StatusForbidden, "Open the address")
	in.get("nowhere").want(t, http.StatusNotFound)
	in.get("d/1/1").want(t, http.StatusNotFound)
	in.get("d/x/-1").want(t, http.StatusNotFound)
	in.get("d/1/").want(t, http.StatusNotFound)
	in.get("drop").want(t, http.StatusNotFound)
}

// TestTokenOnce: of many who come at the same time one gets in.
func TestTokenOnce(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	in := make(chan bool)
	for range 16 {
		go func() {
			resp, err := http.DefaultTransport.RoundTrip(mustRequest(s.URL()))
			if err == nil {
				resp.Body.Close()
			}
			in <- err == nil && resp.StatusCode == http.StatusSeeOther && len(resp.Cookies()) == 1
		}()
	}
	count := 0
	for range 16 {
		if <-in {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d got in", count)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func mustRequest(url string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	return req
}

// TestCookie: HttpOnly, SameSite=Strict, for the random path alone.
func TestCookie(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(mustRequest(s.URL()))
	must(t, err)
	defer resp.Body.Close()
	c := resp.Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/"+s.guard.path+"/" || c[0].Domain != "" || !c[0].Expires.IsZero() || c[0].MaxAge != 0 {
		t.Errorf("cookies: %v", c)
	}
	if got := resp.Header.Get("Location"); got != c[0].Path {
		t.Errorf("leads to %s", got)
	}
}

// TestHeader: every response, also of a refusal, has the header fields of the security model.
func TestHeader(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{})
	c := enter(t, s)
	c.drop(file{"a.eml", a.letter(t, "One", "text")})
	for _, r := range []response{c.get(""), c.get("d/1/1"), c.get("d/1/"), c.get("nowhere"), stranger(t).do(http.MethodGet, c.base, nil, nil), c.do(http.MethodGet, c.base, nil, map[string]string{"Via": "1.1 x"})} {
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
			"Content-Type": "text/html; charset=utf-8",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", r.url, name, got)
			}
		}
		checkPolicy(t, r)
		csp := r.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
			t.Errorf("%s: policy %q", r.url, csp)
		}
	}
}

// checkPolicy: styles by their hash alone, and forms where there are some, to this origin.
func checkPolicy(t *testing.T, r response) {
	t.Helper()
	csp := map[string][]string{}
	for d := range strings.SplitSeq(r.header.Get("Content-Security-Policy"), ";") {
		words := strings.Fields(d)
		csp[words[0]] = words[1:]
	}
	for _, source := range csp["style-src"] {
		if !strings.HasPrefix(source, "'sha256-") {
			t.Errorf("%s: style-src %s", r.url, source)
		}
	}
	if forms := strings.Join(csp["form-action"], " "); forms != "'none'" && forms != "'self'" || len(csp["style-src"]) == 0 || len(csp) != 5 {
		t.Errorf("%s: policy %q", r.url, csp)
	}
}

// TestHost: only the address itself counts, whatever name leads to it.
func TestHost(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	c := enter(t, s)
	_, port, err := net.SplitHostPort(s.guard.address)
	must(t, err)
	cookie := cookieName + "=" + s.guard.cookie
	for host, want := range map[string]int{
		s.guard.address: 200, "localhost:" + port: 200, "LOCALHOST:" + port: 200,
		"localhost": 421, "127.0.0.1": 421, "127.0.0.1:1": 421, "evil.example:" + port: 421, "evil.example": 421, "127.0.0.2:" + port: 421,
		"[::1]:" + port: 421, "localhost.evil.example:" + port: 421, "127.0.0.1:" + port + ".evil.example": 421, "localhost.:" + port: 421,
	} {
		c.do(http.MethodGet, c.base, nil, map[string]string{"Host": host, "Cookie": cookie}).want(t, want)
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"} {
		c.do(http.MethodGet, c.base, nil, map[string]string{name: "x"}).want(t, http.StatusForbidden, "through a proxy", "ssh -L")
		stranger(t).do(http.MethodGet, s.URL(), nil, map[string]string{name: "x"}).want(t, http.StatusForbidden, "through a proxy")
	}
}

// TestOrigin: a POST comes from this very origin, or is refused.
func TestOrigin(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{})
	c := enter(t, s)
	own := "http://" + s.guard.address
	kind, body := form(t, file{"a.eml", a.letter(t, "One", "text")})
	for _, tt := range []struct {
		origin, site string
		form, ok     bool
	}{
		{"null", "same-origin", false, true}, // a browser, with no-referrer
		{own, "same-origin", false, true},
		{"", "same-origin", false, true},
		{own, "", false, true}, // one without Fetch Metadata
		{"null", "", true, true},
		{"", "", true, true},
		{"", "", false, false},
		{"null", "", false, false},
		{"null", "cross-site", true, false},
		{"null", "same-site", true, false}, // another port of this host
		{"null", "none", true, false},
		{own, "cross-site", true, false},
		{"http://127.0.0.1:1", "same-site", true, false},
		{"http://127.0.0.1:1", "same-origin", true, false},
		{"http://127.0.0.1:1", "", true, false},
		{"http://127.0.0.1:1", "none", false, false},
		{"http://evil.example", "", true, false},
		{own + ".evil.example", "", true, false},
		{"https://" + s.guard.address, "", true, false},
	} {
		header := map[string]string{"Content-Type": kind}
		if tt.origin != "" {
			header["Origin"] = tt.origin
		}
		if tt.site != "" {
			header["Sec-Fetch-Site"] = tt.site
		}
		for _, path := range []string{"drop", "forget"} {
			if tt.form {
				path += "?form=" + s.guard.form
			}
			r := c.do(http.MethodPost, c.base+path, bytes.NewReader(body), header)
			if ok := r.status == http.StatusOK; ok != tt.ok {
				t.Errorf("%s, Origin %q, Sec-Fetch-Site %q: %d", path, tt.origin, tt.site, r.status)
			}
		}
	}
}

// TestForm: only the secret of our forms stands for an origin, and no other of our secrets.
func TestForm(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	c := enter(t, s)
	for _, form := range []string{"", "x", s.guard.path, s.guard.cookie, s.guard.token, s.guard.form[:42], s.guard.form + "x"} {
		c.do(http.MethodPost, c.base+"forget?form="+form, nil, nil).want(t, http.StatusForbidden, "Refused")
	}
	c.do(http.MethodPost, c.base+"forget?form="+s.guard.form, nil, nil).want(t, http.StatusOK)
}

// TestSecrets: token, cookie and form are 256 bits of chance, the path 96, and none helps to guess
// another, of this page or of another one.
func TestSecrets(t *testing.T) {
	t.Parallel()
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	seen := map[string]bool{}
	for range 2 {
		g := newGuard(at)
		for text, size := range map[string]int{g.token: 32, g.cookie: 32, g.form: 32, g.path: 12} {
			b, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil || len(b) != size {
				t.Errorf("%s: %d octets, %v", text, len(b), err)
			}
			for i := 0; i+4 <= len(b); i += 4 { // what is no chance is the same in all
				if piece := fmt.Sprintf("%d %x", i, b[i:i+4]); seen[piece] {
					t.Errorf("%s has what another secret has", text)
				} else {
					seen[piece] = true
				}
			}
		}
	}
}

// TestPort80: browsers leave the port of HTTP out.
func TestPort80(t *testing.T) {
	t.Parallel()
	for port, want := range map[int]bool{80: true, 8025: false} {
		g := newGuard(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		for _, host := range []string{"127.0.0.1", "localhost"} {
			if got := g.isHost(host); got != want {
				t.Errorf("port %d, Host %s: %v", port, host, got)
			}
		}
	}
}

// TestListen: loopback addresses only, and what is wrong is said.
func TestListen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	for address, want := range map[string]string{
		"0.0.0.0:0": "no loopback address", "192.0.2.1:0": "no loopback address", ":8025": "no loopback address", "[::]:0": "no loopback address",
		"example.org:0": "no loopback address", "127.0.0.1": "is no address", "8025": "is no address", "127.0.0.1:99999": "cannot be used",
		taken.Addr().String(): "is in use",
	} {
		s, err := Listen(t.Context(), Options{Listen: address})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Listen(%s): %v", address, err)
		}
		if h, ok := err.(interface{ Hint() string }); want != "cannot be used" && (!ok || h.Hint() == "") {
			t.Errorf("Listen(%s): no advice", address)
		}
		if text := cli.Plain(err); strings.HasPrefix(text, "view:") {
			t.Errorf("Listen(%s): %s", address, text)
		}
	}
	for _, address := range []string{"", "127.0.0.1:0", "localhost:0", "127.0.0.2:0", "[::1]:0"} {
		s, err := Listen(t.Context(), Options{Listen: address})
		if err != nil {
			if address == "[::1]:0" {
				continue // there is no IPv6
			}
			t.Fatal(err)
		}
		if !s.guard.isHost(s.ln.Addr().String()) {
			t.Errorf("%s is not its own host", address)
		}
		_, port, err := net.SplitHostPort(s.guard.address)
		must(t, err)
		if got := s.guard.isHost("localhost:" + port); got != (address != "127.0.0.2:0") {
			t.Errorf("%s is localhost: %v", address, got)
		}
		s.Close()
	}
}

// TestNotHTTP: what is no request ends without harm.
func TestNotHTTP(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{Idle: 50 * time.Millisecond})
	for _, text := range []string{"", "\x16\x03\x01", "GET / HTTP/1.1\r\nHost: x", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} {
		c, err := net.Dial("tcp", s.guard.address)
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(hang)))
		_, _ = c.Write([]byte(text))
		var b [4096]byte
		for err == nil {
			_, err = c.Read(b[:])
		}
		if n := net.Error(nil); errors.As(err, &n) && n.Timeout() {
			t.Errorf("%.20q: the connection stays", text)
		}
		c.Close()
	}
	enter(t, s).get("").want(t, http.StatusOK)
}
