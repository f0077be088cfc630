package view

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// counting is a body without end; it counts what is read of it.
type counting struct{ n, most int64 }

func (c *counting) Read(b []byte) (int, error) {
	if c.n += int64(len(b)); c.n > c.most {
		return 0, errors.New("read on and on")
	}
	clear(b)
	return len(b), nil
}

func (c *counting) Close() error { return nil }

// TestTooLargeUnread: what says that it is too large is not read into memory or onto the disk.
func TestTooLargeUnread(t *testing.T) {
	t.Parallel()
	s := &Server{opts: Options{Limits: Limits{Upload: 1000}.withDefaults()}}
	r := httptest.NewRequest(http.MethodPost, "/drop", http.NoBody)
	r.ContentLength = 1001
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	body := &counting{most: 1 << 20}
	if files, err := s.read(httptest.NewRecorder(), r, body); !errors.Is(err, errTooLarge) || len(files) > 0 || body.n > 0 {
		t.Errorf("%v, %d files, %d octets read", err, len(files), body.n)
	}
}

// TestRefuseEnds: what is left of a refused upload is read for a while, and not for ever; where the
// client was too slow not at all.
func TestRefuseEnds(t *testing.T) {
	t.Parallel()
	s := &Server{opts: Options{Limits: Limits{Upload: 10_000}.withDefaults()}}
	for err, want := range map[error]int64{errTooLarge: 40_000, errTooSlow: 0} {
		body, w := &counting{most: 1 << 30}, httptest.NewRecorder()
		s.refuse(w, body, err)
		if body.n < want || body.n > want+64<<10 || want == 0 && body.n > 0 || w.Header().Get("Connection") != "close" {
			t.Errorf("%v: %d octets read, Connection %q", err, body.n, w.Header().Get("Connection"))
		}
	}
}

// TestUploadsAtOnce: a third upload at the same time is told to wait, and may come when one of the
// others is done.
func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, newAuthor(t), Limits{})
	c := enter(t, s)
	var ends []func()
	for range 2 {
		r, w := io.Pipe()
		form := multipart.NewWriter(w)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base+"drop", r)
		must(t, err)
		req.Header.Set("Content-Type", form.FormDataContentType())
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, failed := c.Do(req); failed == nil {
				resp.Body.Close()
			}
		}()
		part, err := form.CreateFormFile("file", "held.eml")
		must(t, err)
		_, err = part.Write([]byte("From: a@example.com\r\n"))
		must(t, err)
		ends = append(ends, func() { form.Close(); w.Close(); <-done })
	}
	eventually(t, "two uploads", func() bool { return len(s.uploads) == 2 })
	small := file{"a", []byte("From: a@example.com\r\n\r\nx\r\n")}
	c.drop(small).want(t, http.StatusServiceUnavailable, "Busy")
	for _, end := range ends {
		end()
	}
	eventually(t, "room for uploads", func() bool { return len(s.uploads) == 0 })
	for range 3 {
		c.drop(small).want(t, http.StatusOK)
	}
}

// TestBusyLeavesNothing: what was refused because too much waits is not on the page.
func TestBusyLeavesNothing(t *testing.T) {
	t.Parallel()
	s := &Server{shelf: &shelf{limits: Limits{}.withDefaults()}, jobs: make(chan job)}
	files := uploads(t, file{"a", []byte("x")})
	if _, err := s.enqueue(files); !errors.Is(err, errBusy) {
		t.Error(err)
	}
	if v := s.shelf.views(1); len(v) > 0 {
		t.Errorf("on the page: %v", v)
	}
}

// TestBaseName: names of files are short, and have no folders.
func TestBaseName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		`C:\mail\x.eml`: "x.eml", "../../x.eml": "x.eml", "/etc/passwd": "passwd", "": ".", "..": "..",
	} {
		if got := baseName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 1000), "x" + strings.Repeat("ä", 500)} {
		if got := baseName(long); len(got) > maxName+len("…") || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%d octets: %q", len(got), got)
		}
	}
}
