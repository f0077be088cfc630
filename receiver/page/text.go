package page

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // teaches it the charsets of mail

	"dnseal/smime"
)

// maxText is how much of a text is decoded; maxSource how much of an HTML part.
const (
	maxText   = 40 << 10
	maxSource = 256 << 10
)

// body shows the body of a part: a text as text, all else by its name, type, size and digest.
func (t *tree) body(part *smime.Part) error {
	switch {
	case part.Multipart():
		return nil
	case part.Role == smime.RoleContent && isText(part.Type) && !attached(part):
		return t.text(part)
	}
	return t.file(part)
}

// attached reports whether the author meant a text as a file.
func attached(part *smime.Part) bool {
	return strings.HasPrefix(strings.ToLower(value(part.Fields, "Content-Disposition")), "attachment")
}

// source is a body that remembers what reading it failed with, to tell that from what decoding did.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// open decodes the body of a part as go-message does: the transfer encoding, and with a type also
// the charset. trouble says what it does not know.
func open(part *smime.Part, mediaType string) (body io.Reader, src *source, trouble string) {
	var h gomessage.Header
	h.Set("Content-Type", mediaType)
	h.Set("Content-Transfer-Encoding", value(part.Fields, "Content-Transfer-Encoding"))
	src = &source{Reader: part.Body()}
	switch e, err := gomessage.New(h, src); {
	case gomessage.IsUnknownCharset(err):
		return e.Body, src, "Its charset is not known here: only its ASCII characters are right."
	case gomessage.IsUnknownEncoding(err):
		return e.Body, src, "Its transfer encoding is not known here: this is how it stands."
	case err != nil:
		return src, src, "It cannot be decoded: this is how it stands."
	default:
		return e.Body, src, ""
	}
}

// text shows a text.
func (t *tree) text(part *smime.Part) error {
	p := t.p
	if len(p.buf) > t.textLimit {
		p.put(`<p class="none">There is no room here for this text.</p>`)
		return t.file(part)
	}
	html := part.Type == "text/html" || part.Type == "application/xhtml+xml"
	most := maxText
	if html {
		most = maxSource
	}
	body, src, trouble := open(part, value(part.Fields, "Content-Type"))
	text, all, err := readText(body, most)
	if src.err != nil {
		return src.err
	}
	if err != nil && trouble == "" {
		trouble = "It is wrongly encoded: this is as far as it can be decoded."
	}
	if trouble != "" {
		p.wrap(`<p class="none">`, trouble, `</p>`)
	}
	switch {
	case strings.TrimSpace(text) == "":
		p.put(`<p class="none">It is empty.</p>`)
	case html:
		t.reduced(text, all)
	default:
		t.lines(text, all)
	}
	return nil
}

// readText reads as much of a text as is shown; all says that this was to its end.
func readText(r io.Reader, most int) (text string, all bool, err error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(most)+utf8.UTFMax))
	if len(b) <= most {
		return string(b), true, err
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(b[end]) {
		end--
	}
	return string(b[:end]), false, err
}

// lines shows a text as it is.
func (t *tree) lines(text string, all bool) {
	p := t.p
	p.put(`<div class="text" dir="auto">`)
	left := p.cut(strings.TrimRight(text, "\r\n"), t.textLimit)
	p.put(`</div>`)
	if left > 0 || !all {
		p.put(`<p class="cutoff">The rest of this text is not shown here.</p>`)
	}
}

// blocks are what files are read through.
var blocks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// file describes a part by its name, type, size and digest, without its transfer encoding.
func (t *tree) file(part *smime.Part) error {
	body, src, trouble := open(part, "application/octet-stream")
	sum, size := sha256.New(), int64(0)
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	for buf := block[:]; ; {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		n, err := body.Read(buf)
		sum.Write(buf[:n])
		if size += int64(n); err == nil {
			continue
		}
		if src.err != nil {
			return src.err
		}
		if !errors.Is(err, io.EOF) {
			trouble = "It is wrongly encoded: size and digest are those of what can be decoded."
		}
		break
	}
	p := t.p
	p.put(`<dl class="file">`)
	if name := fileName(part); name != "" {
		p.put(`<div><dt>Name</dt><dd><bdi>`)
		p.cut(name, len(p.buf)+fieldRoom)
		p.put(`</bdi></dd></div>`)
	}
	p.put(`<div><dt>Size</dt><dd>`)
	p.grouped(size)
	p.put(` octets`)
	p.wrap(`</dd></div><div><dt>SHA-256</dt><dd><code>`, hex.EncodeToString(sum.Sum(nil)), `</code></dd></div>`)
	if trouble != "" {
		p.wrap(`<div><dt>Note</dt><dd>`, trouble, `</dd></div>`)
	}
	p.put(`</dl>`)
	return nil
}

// fileName is the name that a part states for its file, as go-message reads it (RFC 2183, Section
// 2.3; RFC 2231), else what stands there.
func fileName(part *smime.Part) string {
	var h gomessage.Header
	disposition, mediaType := value(part.Fields, "Content-Disposition"), value(part.Fields, "Content-Type")
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Type", mediaType)
	_, params, err := h.ContentDisposition()
	switch {
	case err == nil && params["filename"] != "":
		return params["filename"]
	case err != nil && strings.Contains(strings.ToLower(disposition), "filename"):
		return disposition
	}
	_, params, err = h.ContentType()
	switch {
	case err == nil:
		return params["name"]
	case strings.Contains(strings.ToLower(mediaType), "name"):
		return mediaType
	}
	return ""
}
