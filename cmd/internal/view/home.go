package view

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"strconv"

	"dnseal/receiver/page"
)

//go:embed style.css
var style string

//go:embed view.html
var markup string

// policy is the Content-Security-Policy of these pages (CSP Level 3): no script, nothing from
// elsewhere, forms to this origin alone. The style is that of the pages of messages, and a little
// more.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src " + page.StyleSource() + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// firstMessages is how many messages of a drop the first page lists.
const firstMessages = 100

// What page makes of strangers' texts is HTML; all else that templates are given is escaped.
//
//nolint:gosec // G203: as said
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"text": func(s string) template.HTML { return template.HTML(page.Text(s)) },
	"list": func(e []page.Entry) template.HTML { return template.HTML(page.List(e)) },
	"styles": func() template.HTML {
		return template.HTML("<style>" + page.Style() + "</style><style>" + style + "</style>")
	},
	"size": size, "number": number, "plural": plural,
}).Parse(markup))

// size is a number of octets for people.
func size(n int64) string {
	if n < 1<<20 {
		return strconv.FormatInt(max(1, n>>10), 10) + " KiB"
	}
	return strconv.FormatInt(n>>20, 10) + " MiB"
}

// number groups the digits of a number by thousands.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural is a number with its word.
func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return number(n) + " " + word
}

// home is the page onto which files are dropped, with what came of those before.
func (s *Server) home(w http.ResponseWriter, _ *http.Request) {
	drops := s.shelf.views(firstMessages)
	working := false
	for _, d := range drops {
		working = working || !d.Done
	}
	render(w, http.StatusOK, "home", map[string]any{"Form": s.guard.form, "Drops": drops, "Working": working, "Displaced": s.shelf.hasDisplaced(), "Limits": s.opts.Limits, "First": firstMessages})
}

// index lists all messages of a drop.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(r.PathValue("drop")) // no drop is number 0
	d := s.shelf.find(number)
	if d == nil {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", page.Policy()+"; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.WriteIndex(w, s.shelf.look(d).Entries, page.Options{Up: "../../"})
}

// message is the page of a message.
func (s *Server) message(w http.ResponseWriter, r *http.Request) {
	drop, _ := strconv.Atoi(r.PathValue("drop"))
	n, _ := strconv.Atoi(r.PathValue("message"))
	packed, last := s.shelf.page(drop, n)
	if packed == nil {
		s.notFound(w, r)
		return
	}
	html, err := unpack(packed)
	if err != nil { // a mistake of ours
		http.Error(w, "the page cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", page.Policy()+"; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Neighbours(html, neighbour(n-1, last), neighbour(n+1, last)))
}

// neighbour is the address of the n-th of last messages, next to that of another; "": none.
func neighbour(n, last int) string {
	if n < 1 || n > last {
		return ""
	}
	return strconv.Itoa(n)
}

// unpack undoes the compression in which pages are kept.
func unpack(packed []byte) ([]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// forget drops everything that is kept.
func (s *Server) forget(w http.ResponseWriter, _ *http.Request) {
	s.shelf.clear()
	seeOther(w, "./")
}

// seeOther leads to an address that is relative to that of the request (RFC 9110, Section 10.2.2);
// http.Redirect would add the path without its first part.
func seeOther(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// notFound leads back to the first page.
func (s *Server) notFound(w http.ResponseWriter, _ *http.Request) {
	answer{http.StatusNotFound, "Not here", "There is no such page. What was dropped may have been forgotten.", "/" + s.guard.path + "/", "Back"}.write(w)
}

// answer is a page that says why a request was refused.
type answer struct {
	status      int
	title, text string
	href, link  string // a way on
}

func (a answer) write(w http.ResponseWriter) {
	writeInTime(w)
	render(w, a.status, "answer", map[string]any{"Title": a.title, "Text": a.text, "Href": a.href, "Link": a.link})
}

func render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil { // a mistake of ours
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

const again = "Start dnseal view again for a new address."

// Pages of those who are not let in.
var (
	behindProxy = answer{http.StatusForbidden, "This page cannot be used through a proxy", "The request says that it came through a proxy. Behind one it could be anybody's, and the page holds private mail. Open the address in a browser on the machine where dnseal runs, without a proxy for it; from another machine use ssh -L with the same port on both sides.", "", ""}
	wrongHost   = answer{http.StatusMisdirectedRequest, "This page has another address", "It answers only to the address that dnseal view printed, with its port, and not to other names of this machine: another name could be the trick of a web page. Through ssh -L use the same port on both sides.", "", ""}
	needsToken  = answer{http.StatusForbidden, "Open the address that dnseal view printed", "This page is for the person who started it. The printed address has a token, which works once. " + again, "", ""}
	needsCookie = answer{http.StatusForbidden, "Not let in yet", "The browser sent no proof that it opened the printed address. If you just did so by a link in another page, go on here; else: " + again, "./", "Go on"}
	wrongToken  = answer{http.StatusForbidden, "The token is wrong", "Open the address that dnseal view printed last, with all of its token.", "", ""}
	spentToken  = answer{http.StatusForbidden, "The address was used", "Its token works once. If that was not you, end dnseal view now. " + again, "", ""}
	foreignPost = answer{http.StatusForbidden, "Refused", "The request comes from another page. Drop files onto the page itself.", "", ""}
)

// Pages about uploads.
var (
	noFiles      = answer{http.StatusBadRequest, "No file was chosen", "Drop messages onto the field, or choose them with it, and then verify them.", "./", "Back"}
	busy         = answer{http.StatusServiceUnavailable, "Busy", "Other files are being read or verified. Wait a little, and drop them again.", "./", "Back"}
	tooSlow      = answer{http.StatusRequestTimeout, "The upload took too long", "The browser sent nothing for a while, or the files took too long in all. Name large files on the command line: dnseal view FILE", "./", "Back"}
	noSpace      = answer{http.StatusInsufficientStorage, "No room left on the disk", "Large files wait in an unlinked temporary file until they are verified, and there was no room for it. Make room, or set TMPDIR to another place, and start dnseal view again.", "./", "Back"}
	brokenUpload = answer{http.StatusBadRequest, "The upload broke off", "Not all of the files arrived, or not as a browser sends them. Drop them again.", "./", "Back"}
)

func tooLarge(limit int64) answer {
	return answer{http.StatusRequestEntityTooLarge, "Too large", "At most " + size(limit) + " can be dropped at a time. Larger files can be named on the command line: dnseal view FILE", "./", "Back"}
}

func tooMany(limit int) answer {
	return answer{http.StatusRequestEntityTooLarge, "Too many files", "At most " + number(limit) + " files can be dropped at a time. A folder can be named on the command line: dnseal view FOLDER", "./", "Back"}
}
