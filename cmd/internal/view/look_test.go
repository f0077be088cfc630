//go:build unix

package view

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dnseal/receiver/page/browsertest"
)

// samples are messages of every kind.
func samples(t *testing.T, a *author) []file {
	t.Helper()
	good := a.letter(t, "Invoice 2026-117", "Please find attached the invoice for November.")
	return []file{
		{"invoice.eml", good},
		{"changed.eml", bytes.Replace(a.letter(t, "New bank account", "Please pay to account 1234."), []byte("account 1234"), []byte("account 6666"), 1)},
		{"subject.eml", bytes.Replace(good, []byte("Subject: Invoice 2026-117"), []byte("Subject: URGENT: pay now"), 1)},
		{"plain.eml", []byte("From: Carol <carol@example.com>\r\nSubject: Lunch?\r\nDate: Sun, 29 Nov 2026 11:00:00 +0000\r\n\r\nNoon?\r\n")},
		{"silent.eml", a.sign(t, "From: alice@silent.example\r\nSubject: Quarterly figures\r\nDate: Fri, 27 Nov 2026 16:40:00 +0000\r\n\r\nAs discussed.\r\n")},
	}
}

func TestPictures(t *testing.T) {
	dir := os.Getenv("VIEW_PICTURES")
	if dir == "" {
		t.Skip("no folder")
	}
	a := newAuthor(t)
	s := open(t, a, Limits{})
	tab := browsertest.Start(t).Open(t, s.URL())
	shot := func(name string, width int, dark bool) {
		tab.View(width, 900, dark)
		must(t, os.WriteFile(filepath.Join(dir, name+".png"), tab.Picture(), 0o600))
	}
	shot("empty-wide", 1280, false)
	shot("empty-phone-dark", 390, true)
	var base string
	tab.Eval("location.href", &base)
	files := samples(t, a)
	s.enqueue(uploads(t, files...))
	s.enqueue(uploads(t, file{"archive.mbox", mbox(files[0].data, files[3].data)}, file{"old.msg", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on")}))
	tab.Go(base)
	tab.Go(base)
	shot("wide", 1280, false)
	shot("wide-dark", 1280, true)
	shot("phone", 390, false)
	shot("phone-dark", 390, true)
	must(t, os.WriteFile(filepath.Join(dir, "print.pdf"), tab.PDF(), 0o600))
	tab.Go(s.URL())
	shot("spent", 1280, false)
}
