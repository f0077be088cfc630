package view

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// guard decides who is let in: see the package documentation.
type guard struct {
	address string // host:port, as in the address that is printed
	hosts   []string
	token   string // works once
	path    string // the first part of every other path
	cookie  string
	form    string // in the forms of our pages, and in no address that is shown
	spent   atomic.Bool
}

const cookieName = "dnseal-view"

func newGuard(addr net.Addr) *guard {
	g := &guard{address: addr.String(), token: secret(), path: secret()[:16], cookie: secret(), form: secret()}
	at := netip.MustParseAddrPort(g.address)
	g.hosts = []string{g.address}
	if ip := at.Addr(); ip == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || ip == netip.IPv6Loopback() {
		g.hosts = append(g.hosts, "localhost:"+strconv.Itoa(int(at.Port())))
	}
	if at.Port() == 80 { // the default: browsers leave it out
		for _, h := range g.hosts {
			g.hosts = append(g.hosts, strings.TrimSuffix(h, ":80"))
		}
	}
	return g
}

// secret is 256 bits of chance, as part of an address.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (g *guard) url() string {
	return "http://" + g.address + "/?" + url.Values{"token": {g.token}}.Encode()
}

// protect lets requests of the one who was given the cookie pass to next, without the first part of
// their path. All others get a page that says why not.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case proxied(r.Header):
			behindProxy.write(w)
		case !g.isHost(r.Host):
			wrongHost.write(w)
		case r.URL.Path == "/" && r.URL.Query().Has("token"):
			g.exchange(w, r)
		case r.URL.Path == "/favicon.ico": // browsers ask for it without being told to
			w.WriteHeader(http.StatusNotFound)
		default:
			g.admit(w, r, next)
		}
	})
}

// admit passes a request on that has the cookie and the path that goes with it.
func (g *guard) admit(w http.ResponseWriter, r *http.Request, next http.Handler) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	cookie, err := r.Cookie(cookieName)
	switch {
	case !same(first, g.path):
		needsToken.write(w)
	case err != nil || !same(cookie.Value, g.cookie):
		needsCookie.write(w)
	case r.Method == http.MethodPost && !g.fromHere(r):
		foreignPost.write(w)
	default:
		http.StripPrefix("/"+g.path, next).ServeHTTP(w, r)
	}
}

// exchange gives the cookie for the token, once. A browser that only looks ahead, and a HEAD, do
// not spend it.
func (g *guard) exchange(w http.ResponseWriter, r *http.Request) {
	switch {
	case !same(r.URL.Query().Get("token"), g.token):
		wrongToken.write(w)
	case r.Method != http.MethodGet || r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") != "":
		w.WriteHeader(http.StatusServiceUnavailable)
	case g.spent.Swap(true):
		spentToken.write(w)
	default:
		path := "/" + g.path + "/"
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: g.cookie, Path: path, HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // G124: http alone is served, over loopback
		http.Redirect(w, r, path, http.StatusSeeOther)
	}
}

// fromHere reports whether a POST comes from a page of ours. Browsers say so in Sec-Fetch-Site
// (Fetch Metadata), while their Origin is "null" because of the policy no-referrer (Fetch, "append
// a request Origin header"). From those that send neither a secret of our forms must come.
func (g *guard) fromHere(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin != "" && origin != "null" && origin != "http://"+r.Host {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return origin == "http://"+r.Host || same(r.URL.Query().Get("form"), g.form)
}

func (g *guard) isHost(host string) bool {
	for _, h := range g.hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// proxied reports whether a request says that it came through a proxy (RFC 7239; RFC 9110, Section
// 7.6.3; and the usual fields that no RFC has).
func proxied(h http.Header) bool {
	for name := range h {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// secure sets the header fields of every response.
func secure(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Cache-Control":                "no-store",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp",
	} {
		h.Set(name, value)
	}
}

// same compares without telling by its time where two texts differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
