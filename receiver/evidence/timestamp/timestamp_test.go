package timestamp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// TestOpenSSL: a real service stamps, and both openssl and Verify accept what is kept of its token.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	tsa := issue(t, "tsa", root, forStamps)
	url := serve(t, openSSL(t, tsa, root))
	roots := []*x509.Certificate{root.cert}
	token, err := Request(t.Context(), url, testDigest, RequestOptions{Roots: roots, Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 5}})
	if err != nil {
		t.Fatal(err)
	}
	openSSLAccepts(t, token, root)
	got, err := Verify(t.Context(), token, testDigest, roots, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Signer.Equal(tsa.cert) || time.Since(got.Time).Abs() > time.Minute || got.Accuracy != 1500100*time.Microsecond || got.Policy.String() != "1.2.3.4.5" || got.Nonce == nil {
		t.Errorf("%+v", got)
	}
	// Years later, when the certificates are long over, and at no time before the stamp.
	if _, err := Verify(t.Context(), token, testDigest, roots, time.Now().AddDate(20, 0, 0)); err != nil {
		t.Errorf("years later: %v", err)
	}
	if _, err := Verify(t.Context(), token, testDigest, roots, time.Now().Add(-time.Hour)); err == nil {
		t.Error("a token from the future")
	}
	flipAll(t, token, roots)
}

// flipAll changes every bit of a token: none of them verifies.
func flipAll(t *testing.T, token []byte, roots []*x509.Certificate) {
	t.Helper()
	changed := bytes.Clone(token)
	for i := range changed {
		for bit := byte(1); bit != 0; bit <<= 1 {
			changed[i] ^= bit
			if _, err := Verify(t.Context(), changed, testDigest, roots, now.AddDate(1, 0, 0)); err == nil {
				t.Errorf("octet %d of %d, bit %02x: verifies", i, len(token), bit)
			}
			changed[i] ^= bit
		}
	}
}

// TestVerify: what a token proves, and each thing that makes it prove nothing.
func TestVerify(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	middle := issue(t, "middle", root, isCA)
	tsa := issue(t, "tsa", middle, forStamps)
	roots := []*x509.Certificate{root.cert}
	with := func(a *authority, chain ...*authority) []byte {
		token := a.token(t, nil)
		for _, c := range chain {
			token = edited(t, token, adding(t, c.cert.Raw), toCertificates...)
		}
		return token
	}
	stranger := issue(t, "stranger", nil, isCA)
	both := func(c *x509.Certificate) { usage(true, 8, 4)(c) }
	expired := func(c *x509.Certificate) {
		forStamps(c)
		c.NotBefore, c.NotAfter = now.AddDate(-1, 0, 0), now.Add(-time.Hour)
	}
	other := sha256.Sum256([]byte("other"))
	for _, tt := range []struct {
		name, want string
		token      []byte
		digest     [sha256.Size]byte
		roots      []*x509.Certificate
	}{
		{"right", "", with(tsa, middle), testDigest, roots},
		{"with the root", "", with(tsa, middle, root), testDigest, roots},
		{"by the root", "", with(issue(t, "tsa", root, forStamps)), testDigest, roots},
		{"no roots", "no root", with(tsa, middle), testDigest, nil},
		{"another's root", "no root given vouches", with(tsa, middle), testDigest, []*x509.Certificate{stranger.cert}},
		{"another digest", "another digest", with(tsa, middle), other, roots},
		{"without the CA between", "no root given vouches", with(tsa), testDigest, roots},
		{"a stranger's certificate more", "no root given vouches", with(tsa, middle, stranger), testDigest, roots},
		{"for mail too", "not for time stamps alone", with(issue(t, "tsa", root, both)), testDigest, roots},
		{"not critical", "not for time stamps alone", with(issue(t, "tsa", root, usage(false, 8))), testDigest, roots},
		{"for mail", "not for time stamps alone", with(issue(t, "tsa", root, usage(true, 4))), testDigest, roots},
		{"for anything", "not for time stamps alone", with(issue(t, "tsa", root, func(*x509.Certificate) {})), testDigest, roots},
		{"a key for encryption", "not for time stamps alone", with(issue(t, "tsa", root, func(c *x509.Certificate) { forStamps(c); c.KeyUsage = x509.KeyUsageKeyAgreement })), testDigest, roots},
		{"expired when it stamped", "expired", with(issue(t, "tsa", root, expired)), testDigest, roots},
		{"a critical extension", "critical", tsa.token(t, func(s *timestamp.Timestamp) {
			s.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2}, Critical: true, Value: []byte{5, 0}}}
		}), testDigest, roots},
		{"empty", "no time-stamp token", []byte{}, testDigest, roots},
		{"too large", "at most", make([]byte, MaxToken+1), testDigest, roots},
		{"more after it", "no time-stamp token", append(with(tsa, middle), 0), testDigest, roots},
	} {
		got, err := Verify(t.Context(), tt.token, tt.digest, tt.roots, now)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "timestamp: ") || got != nil) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	flipAll(t, with(issue(t, "tsa", root, forStamps), root), roots)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ended, with(tsa, middle), testDigest, roots, now); err == nil {
		t.Error("verified when it was too late")
	}
}

// TestVerifyUnsigned: what no signature covers is not in a token.
func TestVerifyUnsigned(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	token := issue(t, "tsa", root, forStamps).token(t, nil)
	if !sparse(token) {
		t.Fatal("not sparse")
	}
	// an unsigned attribute, another version, a digest algorithm more
	unsigned := []byte{0xa1, 9, 0x30, 7, 6, 1, 42, 0x31, 2, 5, 0}
	for name, changed := range map[string][]byte{
		"unsigned attribute": edited(t, token, adding(t, unsigned), toSigner...),
		"version":            edited(t, token, func([]byte) []byte { return []byte{2, 1, 4} }, 1, 0, 0),
		"digest algorithm":   edited(t, token, adding(t, []byte{0x30, 7, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a}), 1, 0, 1),
	} {
		if _, err := Verify(t.Context(), changed, testDigest, []*x509.Certificate{root.cert}, now); err == nil || !strings.Contains(err.Error(), "no signature covers") {
			t.Errorf("%s: %v", name, err)
		}
		if kept, ok := strip(changed); !ok || !bytes.Equal(kept, token) {
			t.Errorf("%s: it is not stripped", name)
		}
	}
}

// TestRequest: what is accepted from a service, and the one line that says why something is not.
func TestRequest(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", nil, isCA)
	tsa := issue(t, "tsa", root, forStamps)
	right := tsa.service(t, nil)
	reply := func(kind string, status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	refusal := []byte{0x30, 0x0e, 0x30, 0x0c, 2, 1, 2, 0x30, 7, 0x0c, 5, 'n', 'o', 0x1b, 0xff, 'o'}
	for _, tt := range []struct {
		name, want string
		h          http.HandlerFunc
		opts       RequestOptions
	}{
		{"right", "", right, RequestOptions{}},
		{"with roots", "", right, RequestOptions{Roots: []*x509.Certificate{root.cert}}},
		{"with others", "no root given vouches", right, RequestOptions{Roots: []*x509.Certificate{issue(t, "x", nil, isCA).cert}}},
		{"policy", "", right, RequestOptions{Policy: asn1.ObjectIdentifier{1, 2, 3}}},
		{"another policy", "policy 1.2.3, not 1.2.4", right, RequestOptions{Policy: asn1.ObjectIdentifier{1, 2, 4}}},
		{"another nonce", "(nonce)", tsa.service(t, func(s *timestamp.Timestamp) { s.Nonce = big.NewInt(5) }), RequestOptions{}},
		{"no nonce", "(nonce)", tsa.service(t, func(s *timestamp.Timestamp) { s.Nonce = nil }), RequestOptions{}},
		{"another digest", "another digest", tsa.service(t, func(s *timestamp.Timestamp) { s.HashedMessage = make([]byte, 32) }), RequestOptions{}},
		{"old", "the clock of this machine", tsa.service(t, func(s *timestamp.Timestamp) { s.Time = now.Add(-30 * time.Minute) }), RequestOptions{}},
		{"without certificate", "not in the token", tsa.service(t, func(s *timestamp.Timestamp) { s.AddTSACertificate = false }), RequestOptions{}},
		{"refused", `refuses (status 2): "no\x1b?o"`, reply(typeReply, 200, refusal), RequestOptions{}},
		{"no token", "no token", reply(typeReply, 200, []byte{0x30, 5, 0x30, 3, 2, 1, 0}), RequestOptions{}},
		{"garbage", "no TimeStampResp", reply(typeReply, 200, []byte("garbage")), RequestOptions{}},
		{"more after it", "no TimeStampResp", reply(typeReply, 200, []byte{0x30, 5, 0x30, 3, 2, 1, 0, 0}), RequestOptions{}},
		{"without end", "more than", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeReply)
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 1024))
			}
		}, RequestOptions{}},
		{"a page", "something else", reply("text/html", 200, []byte("<p>")), RequestOptions{}},
		{"an error", "status 500", reply(typeReply, 500, nil), RequestOptions{}},
		{"a redirection", "status 307", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusTemporaryRedirect)
		}, RequestOptions{}},
		{"huge", "more than", reply(typeReply, 200, make([]byte, MaxToken+1)), RequestOptions{}},
	} {
		url := serve(t, tt.h)
		token, err := Request(t.Context(), url, testDigest, tt.opts)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || token != nil || !strings.Contains(err.Error(), url)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestRequestSilent: a service that does not answer ends with the context.
func TestRequestSilent(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client is gone
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Request(ctx, url, testDigest, RequestOptions{}); err == nil {
		t.Error("no error")
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://tsa.example/": true, "http://127.0.0.1:1/x": true,
		"": false, "tsa.example": false, "ftp://tsa.example": false, "file:///etc/passwd": false, "http://": false, "http://a b": false, "://": false,
	} {
		if err := CheckURL(url); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := Request(t.Context(), "http://user:secret@127.0.0.1:1/", testDigest, RequestOptions{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if err := CheckURL("ftp://user:secret@tsa.example"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func FuzzVerify(f *testing.F) {
	root := issue(f, "root", nil, isCA)
	token := issue(f, "tsa", root, forStamps).token(f, nil)
	f.Add(token)
	f.Fuzz(func(t *testing.T, der []byte) {
		got, err := Verify(t.Context(), der, testDigest, []*x509.Certificate{root.cert}, now)
		if (err == nil) != bytes.Equal(der, token) || (err == nil) != (got != nil) {
			t.Errorf("%x: %+v, %v", der, got, err)
		}
	})
}

func FuzzGranted(f *testing.F) {
	f.Add([]byte{0x30, 5, 0x30, 3, 2, 1, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		token, err := granted(der)
		if (err == nil) != (len(token) > 0) {
			t.Errorf("%x, %v", token, err)
		}
		if kept, ok := strip(token); ok && !sparse(kept) {
			t.Errorf("%x is not sparse", kept)
		}
	})
}
