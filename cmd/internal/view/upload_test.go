package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestDrop drops messages, an mbox and what is no message, and finds the verdicts.
func TestDrop(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{})
	c := enter(t, s)
	good := a.letter(t, "Invoice", "text")
	// One message leads to its page.
	r := c.drop(file{"invoice.eml", good})
	r.want(t, http.StatusOK, "pass")
	if r.url != c.base+"d/1/1" {
		t.Errorf("one message leads to %s", r.url)
	}
	// Several lead to the list.
	changed := bytes.Replace(good, []byte("text"), []byte("test"), 1)
	r = c.drop(file{"all.mbox", mbox(good, changed)}, file{"plain.eml", []byte("From: a@example.com\r\nSubject: <b>x\r\n\r\nx\r\n")}, file{"<i>empty", nil}, file{`C:\mail\x.msg`, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")})
	r.want(t, http.StatusOK, "all.mbox#1", "Pass 1", "Fail 1", "Not signed 1", "The content is not the one that was signed", "&lt;b&gt;x", `href="d/2/2"`, "x.msg", "Not verified:", "Outlook")
	if r.url != c.base+"#d2" {
		t.Errorf("several lead to %s", r.url)
	}
	if strings.Contains(r.body, "<i>") || strings.Contains(r.body, "<b>x") || strings.Contains(r.body, "C:") || strings.Contains(r.body, `http-equiv="refresh"`) {
		t.Error("markup of a message, a folder, or a page that reloads")
	}
	c.get("d/2/").want(t, http.StatusOK, "fail")
	c.get("d/2/2").want(t, http.StatusOK, "fail")
	// From each message on to its neighbours in the drop.
	for n, want := range map[string]string{
		"d/1/1": `</nav>`,
		"d/2/1": `<a href="2"><bdi>Next message</bdi></a></nav>`,
		"d/2/2": `<a href="1"><bdi>Previous message</bdi></a><a href="3"><bdi>Next message</bdi></a></nav>`,
		"d/2/3": `<a href="2"><bdi>Previous message</bdi></a></nav>`,
	} {
		c.get(n).want(t, http.StatusOK, `<nav aria-label="Pages"><a href="../../#d`+n[2:3]+`"><bdi>All messages</bdi></a>`+want)
	}
	// Nothing is forgotten by a link.
	c.get("forget").want(t, http.StatusNotFound)
	c.get("forget?form="+s.guard.form).want(t, http.StatusNotFound)
	c.get("d/2/2").want(t, http.StatusOK)
	c.do(http.MethodPost, c.base+"forget", nil, map[string]string{"Sec-Fetch-Site": "same-origin"}).want(t, http.StatusOK)
	c.get("d/2/2").want(t, http.StatusNotFound)
	if strings.Contains(c.get("").body, "all.mbox") || s.shelf.messages != 0 || s.shelf.bytes != 0 {
		t.Error("not all is forgotten")
	}
}

// TestShow: files of the command line are there at once, and a file that is not there is named.
func TestShow(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	name := filepath.Join(t.TempDir(), "kept.eml")
	must(t, os.WriteFile(name, a.letter(t, "Kept", "text"), 0o600))
	s := open(t, a, Limits{}, name, filepath.Join(filepath.Dir(name), "lost.eml"))
	c := enter(t, s)
	eventually(t, "the verdict", func() bool { return strings.Contains(c.get("").text(), "Pass 1") })
	eventually(t, "the end", func() bool { return !strings.Contains(c.get("").body, "Being verified") })
	c.get("").want(t, http.StatusOK, "lost.eml does not exist", "Kept")
}

// TestLimits: what is too much is refused with a page that says so, and nothing of it stays.
func TestLimits(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{Upload: 20_000, Files: 3, Messages: 5})
	c := enter(t, s)
	small := []byte("From: a@example.com\r\n\r\nx\r\n")
	c.drop(file{"big.eml", make([]byte, 30_000)}).want(t, http.StatusRequestEntityTooLarge, "At most 19 KiB")
	c.drop(file{"a", small}, file{"b", small}, file{"c", small}, file{"d", small}).want(t, http.StatusRequestEntityTooLarge, "At most 3 files")
	c.drop().want(t, http.StatusBadRequest, "No file")
	c.drop(file{"", nil}).want(t, http.StatusBadRequest, "No file")
	post := map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data; boundary=b"}
	c.do(http.MethodPost, c.base+"drop", strings.NewReader("--b\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\nbroken off"), post).want(t, http.StatusBadRequest, "broke off")
	post["Content-Type"] = "text/plain"
	c.do(http.MethodPost, c.base+"drop", strings.NewReader("x"), post).want(t, http.StatusBadRequest, "broke off")
	// Without a Content-Length too.
	kind, body := form(t, file{"big.eml", make([]byte, 30_000)})
	post["Content-Type"] = kind
	c.do(http.MethodPost, c.base+"drop", io.MultiReader(bytes.NewReader(body)), post).want(t, http.StatusRequestEntityTooLarge)
	if s.shelf.last != 0 {
		t.Errorf("%d drops", s.shelf.last)
	}

	// Of one drop the first messages are kept; a later drop makes an earlier one go.
	c.drop(file{"seven.mbox", mbox(small, small, small, small, small, small, small)}).want(t, http.StatusOK, "5 messages", "More messages than can be kept")
	c.drop(file{"two.mbox", mbox(small, small)}).want(t, http.StatusOK, "2 messages", "two.mbox#2")
	if page := c.get("").body; strings.Contains(page, "seven.mbox") || s.shelf.messages != 2 {
		t.Errorf("%d messages are kept: %s", s.shelf.messages, page)
	}
	// That it went is said, until everything is forgotten.
	c.get("").want(t, http.StatusOK, "What was dropped earlier was forgotten, to make room: at most 5 messages")
	c.do(http.MethodPost, c.base+"forget", nil, map[string]string{"Sec-Fetch-Site": "same-origin"}).want(t, http.StatusOK)
	if page := c.get("").text(); strings.Contains(page, "earlier") {
		t.Error(page)
	}
}

// TestPagesLimit: pages are kept up to their limit in octets.
func TestPagesLimit(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{Pages: 1})
	c := enter(t, s)
	c.drop(file{"a", []byte("From: a@example.com\r\n\r\nx\r\n")}).want(t, http.StatusOK, "0 messages", "More messages than can be kept")
}

// TestManyDrops: no more drops are kept than the limit says, however empty.
func TestManyDrops(t *testing.T) {
	t.Parallel()
	s := &shelf{limits: Limits{}.withDefaults()}
	for range 3 * maxDrops {
		d := s.add(make([]string, 1000))
		for range 3 * maxNotes {
			s.note(d, note{Text: "x"})
		}
	}
	if v := s.views(1); len(v) != maxDrops || len(v[0].Notes) != maxNotes || len(v[0].Files) != maxFiles || v[0].Others != 1000-maxFiles {
		t.Errorf("%d drops, %d notes, %d files and %d others", len(v), len(v[0].Notes), len(v[0].Files), v[0].Others)
	}
}

// TestSlowUpload: a client that sends nothing, or next to nothing, is not waited for.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	for name, limits := range map[string]Limits{"nothing comes": {Idle: 50 * time.Millisecond}, "it takes too long": {Time: 100 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, a, limits)
			c := enter(t, s)
			r, w := io.Pipe()
			form := multipart.NewWriter(w)
			ctx, cancel := context.WithCancel(t.Context())
			var sending sync.WaitGroup
			defer sending.Wait()
			defer cancel()
			sending.Go(func() {
				part, _ := form.CreateFormFile("file", "slow.eml")
				for limits.Time > 0 && ctx.Err() == nil { // else it stops here
					if _, err := part.Write([]byte("x")); err != nil {
						return
					}
					select {
					case <-ctx.Done():
					case <-time.After(5 * time.Millisecond):
					}
				}
				<-ctx.Done()
				w.CloseWithError(io.ErrUnexpectedEOF)
			})
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"drop", r)
			must(t, err)
			req.Header.Set("Content-Type", form.FormDataContentType())
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			resp, err := c.Do(req)
			if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
				t.Error("the server waits for more")
			}
			if err == nil { // else the connection was closed before the answer was read
				defer resp.Body.Close()
				if resp.StatusCode != http.StatusRequestTimeout {
					t.Errorf("status %d", resp.StatusCode)
				}
			}
			eventually(t, "room for uploads", func() bool { return len(s.uploads) == 0 })
		})
	}
}

// TestProgress: a drop that takes long is shown while it is verified, and what is more than can
// wait is refused. The end of the server ends it all.
func TestProgress(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter := a.letter(t, "Slow", "text")
	a.slow = make(chan struct{})
	s := open(t, a, Limits{})
	c := enter(t, s)
	c.drop(file{"slow.eml", letter}).want(t, http.StatusOK, "Being verified", `http-equiv="refresh"`)
	for range maxWaiting {
		must(t, fail(s.enqueue(uploads(t, file{"next.eml", letter}))))
	}
	c.drop(file{"one-too-many.eml", letter}).want(t, http.StatusServiceUnavailable, "Busy")
	close(a.slow)
	eventually(t, "all verdicts", func() bool { return strings.Count(c.get("").text(), "Pass 1") == 1+maxWaiting })
}

func fail(_ *drop, err error) error { return err }

// TestForgetWhileVerified: what is forgotten in the middle of its verification stays forgotten.
func TestForgetWhileVerified(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter := a.letter(t, "Slow", "text")
	a.slow = make(chan struct{})
	s := open(t, a, Limits{})
	d, err := s.enqueue(uploads(t, file{"slow.mbox", mbox(letter, letter)}))
	must(t, err)
	s.shelf.clear()
	close(a.slow)
	<-d.done
	if s.shelf.messages != 0 || len(s.shelf.views(1)) != 0 {
		t.Error("something is kept")
	}
}

// TestExpires: everything is forgotten after a time without requests.
func TestExpires(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{Keep: 20 * time.Millisecond})
	d, err := s.enqueue(uploads(t, file{"a.eml", a.letter(t, "One", "text")}))
	must(t, err)
	<-d.done
	eventually(t, "the end of it", func() bool { return len(s.shelf.views(1)) == 0 })
}

// TestManyAtOnce: many drop and look at the same time.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{Messages: 20})
	c := enter(t, s)
	letter := a.letter(t, "One", "text")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 5 {
				if r := c.drop(file{fmt.Sprintf("%d-%d.eml", i, j), letter}); r.status != http.StatusOK && r.status != http.StatusServiceUnavailable && r.status != http.StatusNotFound {
					t.Errorf("status %d", r.status)
				}
				c.get("").want(t, http.StatusOK)
				c.get("d/1/1")
			}
		})
	}
	all.Wait()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if s.shelf.messages > 20 {
		t.Errorf("%d messages are kept", s.shelf.messages)
	}
}

// TestConnections: idle connections of a crowd shut nobody out for good, and do not outlast the
// server.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{Idle: 50 * time.Millisecond})
	for range 2 * maxConnections {
		c, err := net.Dial("tcp", s.guard.address)
		must(t, err)
		defer c.Close()
	}
	enter(t, s).get("").want(t, http.StatusOK)
}

// TestNothingOnDisk: a large file that waits to be verified has no name on the disk, and nothing is
// there when it is forgotten.
func TestNothingOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	a := newAuthor(t)
	a.slow = make(chan struct{})
	s := open(t, a, Limits{})
	c := enter(t, s)
	letter := a.letter(t, "Large", strings.Repeat("All work and no play.\r\n", 50_000))
	c.drop(file{"large.mbox", mbox(letter, letter)}, file{"large.eml", letter}).want(t, http.StatusOK, "Being verified")
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) > 0 {
		t.Errorf("on the disk: %v", names)
	}
	close(a.slow)
	eventually(t, "the verdicts", func() bool { return strings.Contains(c.get("").text(), "Pass 3") })
	if names, err = os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("on the disk: %v, %v", names, err)
	}
}

// TestRefusal: each error of an upload has its own page.
func TestRefusal(t *testing.T) {
	t.Parallel()
	s := &Server{opts: Options{Limits: Limits{}.withDefaults()}}
	for status, errs := range map[int][]error{
		http.StatusRequestEntityTooLarge: {errTooLarge, errTooMany, fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 1})},
		http.StatusRequestTimeout:        {errTooSlow, fmt.Errorf("x: %w", os.ErrDeadlineExceeded)},
		http.StatusInsufficientStorage:   {&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}},
		http.StatusBadRequest:            {errNoFiles, errNoForm, io.ErrUnexpectedEOF, multipart.ErrMessageTooLarge},
	} {
		for _, err := range errs {
			if got := s.refusal(err); got.status != status || got.title == "" || got.text == "" {
				t.Errorf("%v: %d, want %d", err, got.status, status)
			}
		}
	}
}
