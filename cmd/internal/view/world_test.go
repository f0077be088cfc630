package view

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hang is a guard against hanging, not a measure.
const hang = time.Minute

// author signs messages, and answers for herself in the DNS. Where slow is not nil every lookup
// waits for it.
type author struct {
	id     *identity.Identity
	record dane.Record
	slow   chan struct{}
	silent bool // sign as one whose name servers do not answer
}

func newAuthor(tb testing.TB) *author {
	tb.Helper()
	id, err := identity.Create(tb.TempDir(), "alice@example.org", identity.CreateOptions{})
	must(tb, err)
	record, err := id.Record(3, 1, 1)
	must(tb, err)
	return &author{id: id, record: record}
}

// Lookup implements lookup.Resolver. The names of silent.example have no answer.
func (a *author) Lookup(ctx context.Context, name string, typ dane.Type) *lookup.Result {
	if a.slow != nil {
		select {
		case <-a.slow:
		case <-ctx.Done():
		}
	}
	r := &lookup.Result{Name: name, Type: typ, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{a.record}}
	if strings.HasSuffix(name, ".silent.example.") {
		return &lookup.Result{Name: name, Type: typ, Status: dnssec.Indeterminate, Code: "timeout", Reason: "no name server answers"}
	}
	return r
}

// LookupFresh implements lookup.Resolver.
func (a *author) LookupFresh(ctx context.Context, name string, typ dane.Type) *lookup.Result {
	return a.Lookup(ctx, name, typ)
}

// letter returns a message, signed.
func (a *author) letter(tb testing.TB, subject, text string) []byte {
	tb.Helper()
	if a.silent {
		id, err := identity.Create(tb.TempDir(), "dave@silent.example", identity.CreateOptions{})
		must(tb, err)
		return (&author{id: id}).sign(tb, "From: dave@silent.example\r\nSubject: "+subject+"\r\nDate: Fri, 27 Nov 2026 16:40:00 +0000\r\n\r\n"+text+"\r\n")
	}
	return a.sign(tb, "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: "+subject+"\r\nDate: Mon, 30 Nov 2026 09:12:00 +0000\r\n\r\n"+text+"\r\n")
}

func (a *author) sign(tb testing.TB, text string) []byte {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	must(tb, err)
	defer m.Close()
	edit, err := sender.SignMessage(tb.Context(), m, []*identity.Identity{a.id}, smime.SignOptions{Time: time.Now()})
	must(tb, err)
	defer edit.Close()
	var out bytes.Buffer
	_, err = m.WriteEdited(&out, edit)
	must(tb, err)
	return out.Bytes()
}

// mbox has messages in one file.
func mbox(letters ...[]byte) []byte {
	var b bytes.Buffer
	for _, l := range letters {
		fmt.Fprintf(&b, "From alice@example.org Mon Nov 30 09:12:00 2026\n%s\n\n", bytes.ReplaceAll(l, []byte("\r\n"), []byte("\n")))
	}
	return b.Bytes()
}

// open starts a page that ends with the test.
func open(tb testing.TB, a *author, limits Limits, files ...string) *Server {
	tb.Helper()
	return start(tb, Options{Limits: limits, Workers: 2, Receiver: func(past func(context.Context, receiver.Digests) *receiver.Past) (*receiver.Receiver, error) {
		return receiver.New(receiver.Options{Lookup: a, Saved: true, Past: past})
	}}, files...)
}

// start is open with all options.
func start(tb testing.TB, opts Options, files ...string) *Server {
	tb.Helper()
	s, err := Listen(tb.Context(), opts)
	must(tb, err)
	s.Show(files)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return s
}

// client is a browser, as far as these tests need one.
type client struct {
	t    *testing.T
	base string
	*http.Client
}

// enter opens the printed address.
func enter(t *testing.T, s *Server) *client {
	t.Helper()
	c := stranger(t)
	jar, err := cookiejar.New(nil)
	must(t, err)
	c.Jar = jar
	resp := c.do(http.MethodGet, s.URL(), nil, nil)
	if resp.status != http.StatusOK {
		t.Fatalf("the printed address answers %d: %s", resp.status, resp.body)
	}
	c.base = resp.url
	return c
}

// stranger has no cookie.
func stranger(t *testing.T) *client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t, "", &http.Client{Transport: transport, Timeout: hang}}
}

type response struct {
	status int
	url    string // in the end
	body   string
	header http.Header
}

func (c *client) do(method, url string, body io.Reader, header map[string]string) response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, body)
	must(c.t, err)
	for name, value := range header {
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	must(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(c.t, err)
	// The style would fill the log.
	page := regexp.MustCompile("(?s)<style>.*</style>").ReplaceAllString(string(text), "")
	return response{resp.StatusCode, resp.Request.URL.String(), page, resp.Header}
}

func (c *client) get(path string) response { return c.do(http.MethodGet, c.base+path, nil, nil) }

// file is one to be dropped.
type file struct {
	name string
	data []byte
}

// drop drops files, as a browser does.
func (c *client) drop(files ...file) response {
	c.t.Helper()
	kind, body := form(c.t, files...)
	return c.do(http.MethodPost, c.base+"drop", bytes.NewReader(body), map[string]string{"Content-Type": kind, "Sec-Fetch-Site": "same-origin", "Origin": "null"})
}

func form(t *testing.T, files ...file) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		part, err := w.CreateFormFile("file", f.name)
		must(t, err)
		_, err = part.Write(f.data)
		must(t, err)
	}
	must(t, w.Close())
	return w.FormDataContentType(), b.Bytes()
}

// text is a page without its markup.
func (r response) text() string { return regexp.MustCompile("<[^>]*>").ReplaceAllString(r.body, "") }

// want checks status and words of a page, in its text or in its markup.
func (r response) want(t *testing.T, status int, words ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("%s: status %d, want %d: %s", r.url, r.status, status, r.body)
	}
	text := r.text()
	for _, w := range words {
		if !strings.Contains(r.body, w) && !strings.Contains(text, w) {
			t.Errorf("%s: no %q in %s", r.url, w, r.body)
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(hang); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what + " did not come")
		}
	}
}

// uploads are files as they are after they were read.
func uploads(tb testing.TB, files ...file) (out []upload) {
	tb.Helper()
	for _, f := range files {
		spool := message.NewSpool(0)
		_, err := spool.Write(f.data)
		must(tb, err)
		out = append(out, upload{f.name, spool})
	}
	return out
}
