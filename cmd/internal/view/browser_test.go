//go:build unix

package view

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/receiver/page/browsertest"
)

// samples are messages with every colour of verdict, and what is no message.
func samples(t *testing.T, a *author) []file {
	t.Helper()
	good := a.letter(t, "Invoice 2026-117", "Please find attached the invoice for November.")
	a.silent = true
	silent := a.letter(t, "Quarterly figures", "As discussed.")
	a.silent = false
	return []file{
		{"invoice.eml", good},
		{"account.eml", bytes.Replace(a.letter(t, "New bank account", "Please pay to account 1234."), []byte("account 1234"), []byte("account 6666"), 1)},
		{"subject.eml", bytes.Replace(good, []byte("Subject: Invoice 2026-117"), []byte("Subject: URGENT: pay now"), 1)},
		{"plain.eml", []byte("From: Carol <carol@example.com>\r\nSubject: Lunch?\r\nDate: Sun, 29 Nov 2026 11:00:00 +0000\r\n\r\nNoon?\r\n")},
		{"figures.eml", silent},
		{"old.msg", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on")},
	}
}

// hostile are a subject, an address and a name of a file as an attacker writes them.
const hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=javascript:alert(3)>x</a>\u202egpj.exe\u2066\u200b&lt;b&gt;"

// vocabulary is all that home and refusals may consist of.
var vocabulary = browsertest.Vocabulary{
	Elements: map[string][]string{
		"html": {"lang"}, "head": nil, "meta": {"charset", "name", "content", "http-equiv"}, "title": nil, "style": nil, "body": nil,
		"header": {"class"}, "main": {"class"}, "footer": nil, "section": {"class", "id", "aria-labelledby", "tabindex"}, "h1": nil, "h2": {"id"}, "p": {"class", "id"}, "span": {"class"},
		"form": {"class", "action", "method", "enctype"}, "label": {"for"}, "input": {"id", "type", "name", "multiple", "required", "aria-describedby"}, "button": {"type", "class"},
		"time": {"datetime"}, "strong": nil, "b": nil, "bdi": nil, "div": {"class"}, "br": nil, "code": nil, "ul": {"class"}, "li": {"class"}, "a": {"href", "class"},
		"table": {"class"}, "thead": nil, "tbody": nil, "tr": nil, "th": {"scope"}, "td": {"data-label"},
		"svg:svg": {"class", "viewBox", "aria-hidden", "focusable"}, "svg:path": {"class", "d"}, "svg:circle": {"class", "cx", "cy", "r"},
	},
	Links: func(a string) bool {
		var d, m int
		n, _ := fmt.Sscanf(a, "d/%d/%d", &d, &m)
		return strings.HasPrefix(a, "drop?form=") || strings.HasPrefix(a, "forget?form=") || a == "./" || n == 2 && a == fmt.Sprintf("d/%d/%d", d, m)
	},
}

// trouble lists what is wrong with a page for those who use it: wider than its window, or text of
// too little contrast (WCAG 2.2, 1.4.3).
const trouble = `(() => {
	const out = [];
	if (document.documentElement.scrollWidth > innerWidth) out.push("it is " + document.documentElement.scrollWidth + " wide");
	const rgb = c => c.match(/[\d.]+/g).map(Number);
	const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		let back = null;
		for (let p = e; p && !back; p = p.parentElement) { const c = rgb(getComputedStyle(p).backgroundColor); if (c.length < 4 || c[3] > 0) back = c; }
		const [a, b] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(back.slice(0, 3))].sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5) out.push(e.localName + " " + e.textContent.trim().slice(0, 20) + ": contrast " + ((a + .05) / (b + .05)).toFixed(2));
	}
	return out;
})()`

// TestBrowser drops files with a browser, by the keyboard, and looks at what a person gets. With
// DNSEAL_PICTURES the pictures are kept in that folder.
func TestBrowser(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	files := samples(t, a)
	s := open(t, a, Limits{})
	tab := browsertest.Start(t).Open(t, s.URL())
	pictures(t, tab, "empty")

	// By the keyboard: the field, the button. The dialog of the system is the browser's own.
	dir := t.TempDir()
	var paths []string
	for _, f := range append(files, file{"<b>\u202ehostile.eml", []byte("From: " + strings.ReplaceAll(hostile, "\n", "") + " <x@example.com>\r\nSubject: " + hostile + "\r\n\r\nx\r\n")}) {
		paths = append(paths, filepath.Join(dir, f.name))
		must(t, os.WriteFile(paths[len(paths)-1], f.data, 0o600))
	}
	if got := focused(tab); got != "" {
		t.Errorf("%s has the focus at first", got)
	}
	tab.Press("Tab")
	if got := focused(tab); got != "input#files" {
		t.Errorf("the first Tab leads to %q", got)
	}
	dropOn(t, tab, "#kinds", paths[:2])
	choose(tab, paths)
	tab.Press("Tab")
	if got := focused(tab); got != "button" {
		t.Errorf("the second Tab leads to %q", got)
	}
	tab.AfterLoad(func() { tab.Press("Enter") })
	pictures(t, tab, "dropped")
	var text string
	tab.Eval(`document.querySelector("main").innerText`, &text)
	for _, want := range []string{"Pass 1", "Fail 1", "Policy 1", "Undecided 1", "Not signed 2", "Outlook", "RLO", "<script>alert(1)</script>"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if got := tab.Foreign(vocabulary); len(got) > 0 {
		t.Errorf("not of the template: %q", got)
	}
	checkQuiet(t, tab, s)
	checkAccessible(t, tab)

	// On to a message and back, by the keyboard.
	for range 50 {
		if tab.Press("Tab"); focused(tab) == "a" {
			break
		}
	}
	tab.AfterLoad(func() { tab.Press("Enter") })
	var title, address string
	tab.Eval(`document.title`, &title)
	tab.Eval(`location.pathname`, &address)
	if !strings.HasSuffix(address, "/d/1/1") || !strings.HasPrefix(title, "Pass: ") {
		t.Errorf("Enter on the first message leads to %s, %q", address, title)
	}
	checkQuiet(t, tab, s)
	pictures(t, tab, "message")
	tab.AfterLoad(func() { tab.Eval(`document.querySelector('a[href="../../#d1"]').click()`, nil) })
	var base string
	tab.Eval(`location.href.replace(/#.*/, "")`, &base)
	tab.Go(base + "d/1/")
	checkQuiet(t, tab, s)
	pictures(t, tab, "index")
	tab.Go(s.URL())
	if got := tab.Foreign(vocabulary); len(got) > 0 {
		t.Errorf("a refusal: not of the template: %q", got)
	}
	pictures(t, tab, "refused")
}

// checkQuiet wants nothing fetched but from the page's server, and no complaint of the browser.
func checkQuiet(t *testing.T, tab *browsertest.Tab, s *Server) {
	t.Helper()
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, "http://"+s.guard.address+"/") {
			t.Errorf("fetched: %s", r)
		}
	}
	if got := tab.Problems(); len(got) > 0 {
		t.Errorf("problems: %q", got)
	}
}

// focused names the element that has the focus, which must then be seen.
func focused(tab *browsertest.Tab) (name string) {
	tab.Eval(`(() => {
		const e = document.activeElement;
		if (!e || e === document.body) return "";
		const s = getComputedStyle(e);
		const seen = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
		return (seen ? "" : "unseen ") + e.localName + (e.id ? "#" + e.id : "");
	})()`, &name)
	return name
}

// dropOn drags files onto an element, and wants them in the field.
func dropOn(t *testing.T, tab *browsertest.Tab, selector string, paths []string) {
	t.Helper()
	var at struct{ X, Y float64 }
	tab.Eval(`(() => { const r = document.querySelector("`+selector+`").getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`, &at)
	for _, event := range []string{"dragEnter", "dragOver", "drop"} {
		tab.Call("Input.dispatchDragEvent", map[string]any{
			"type": event, "x": at.X, "y": at.Y,
			"data": map[string]any{"items": []any{}, "files": paths, "dragOperationsMask": 1},
		}, nil)
	}
	var count int
	if tab.Eval(`document.querySelector("#files").files.length`, &count); count != len(paths) {
		t.Errorf("%d of %d files that were dropped on %s are in the field", count, len(paths), selector)
	}
}

// choose sets the files of the field, as the dialog of the system does.
func choose(tab *browsertest.Tab, paths []string) {
	var found struct {
		Root struct {
			ID int `json:"nodeId"`
		} `json:"root"`
		ID int `json:"nodeId"`
	}
	tab.Call("DOM.getDocument", nil, &found)
	tab.Call("DOM.querySelector", map[string]any{"nodeId": found.Root.ID, "selector": "#files"}, &found)
	tab.Call("DOM.setFileInputFiles", map[string]any{"nodeId": found.ID, "files": paths}, nil)
}

// checkAccessible wants landmarks, headings in order, and a name for every control.
func checkAccessible(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	all := tab.Accessible()
	var roles []string
	for _, e := range all {
		roles = append(roles, e.Role)
		switch e.Role {
		case "button", "link", "heading", "region", "textbox", "columnheader", "image", "table":
			if e.Name == "" && e.Role != "table" {
				t.Errorf("a %s has no name", e.Role)
			}
		}
	}
	for _, want := range []string{"main", "banner", "contentinfo", "region", "heading", "table", "columnheader"} {
		if !slices.Contains(roles, want) {
			t.Errorf("there is no %s", want)
		}
	}
	var levels []string
	tab.Eval(`[...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(e => e.localName)`, &levels)
	if levels[0] != "h1" || slices.Contains(levels[1:], "h1") || slices.Contains(levels, "h3") {
		t.Errorf("headings: %q", levels)
	}
	if !slices.ContainsFunc(all, func(e browsertest.Accessible) bool {
		return strings.HasPrefix(e.Name, "Drop messages here, or choose them")
	}) {
		t.Errorf("the field has no name: %q", all)
	}
}

// pictures looks at a page wide and narrow, light and dark, and printed.
func pictures(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	dir := os.Getenv("DNSEAL_PICTURES")
	for _, width := range []int{1280, 390, 320} {
		for _, dark := range []bool{false, true} {
			tab.View(width, 900, dark)
			var got []string
			if tab.Eval(trouble, &got); len(got) > 0 {
				t.Errorf("%s, %d wide, dark %v: %q", name, width, dark, got)
			}
			if dir != "" {
				must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("view-%s-%d-%v.png", name, width, dark)), tab.Picture(), 0o600))
			}
		}
	}
	tab.View(1280, 900, false)
	if dir != "" {
		must(t, os.WriteFile(filepath.Join(dir, "view-"+name+".pdf"), tab.PDF(), 0o600))
	}
}

// TestOtherOrigins has web pages of others attack the page, which know its address and its path:
// one on another port of the host, where the cookie goes too, and one of another host.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	s := open(t, a, Limits{})
	d, err := s.enqueue(uploads(t, file{"secret.eml", a.letter(t, "Secret", "text")}))
	must(t, err)
	<-d.done
	base := "http://" + s.guard.address + "/" + s.guard.path + "/"
	attack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/enter":
			fmt.Fprintf(w, `<title>link</title><a href="%s">open</a>`, s.URL())
		case "/post":
			fmt.Fprintf(w, `<title>post</title><form method=post action="%sforget"><button>go</button></form>`, base)
		case "/read":
			fmt.Fprintf(w, `<title>read</title><iframe src="%s"></iframe>`, base)
		}
	}))
	defer attack.Close()
	_, port, err := net.SplitHostPort(attack.Listener.Addr().String())
	must(t, err)
	browser := browsertest.Start(t)
	tab := browser.Open(t, "http://localhost:"+port+"/enter")
	// A link on another site: the cookie comes, and is not sent at once. One more step leads in.
	tab.AfterLoad(func() { tab.Eval(`document.querySelector("a").click()`, nil) })
	want(t, tab, "Not let in yet")
	tab.AfterLoad(func() { tab.Eval(`document.querySelector("main a").click()`, nil) })
	want(t, tab, "Who signed this mail?")

	for _, origin := range []string{"http://127.0.0.1:" + port, "http://localhost:" + port} {
		tab.Go(origin + "/post")
		tab.AfterLoad(func() { tab.Eval(`document.querySelector("button").click()`, nil) })
		want(t, tab, map[bool]string{true: "Refused", false: "Not let in yet"}[strings.Contains(origin, "127")])
		tab.Go(origin + "/read")
		var got string
		tab.Eval(`fetch("`+base+`", {credentials: "include"}).then(r => r.text()).catch(e => "no: " + e)`, &got)
		if !strings.HasPrefix(got, "no: ") {
			t.Errorf("%s reads %s", origin, got)
		}
		tab.Eval(`fetch("`+base+`d/1/1", {credentials: "include", mode: "no-cors"}).then(r => r.type + r.status).catch(e => "no: " + e)`, &got)
		if !strings.HasPrefix(got, "no: ") {
			t.Errorf("%s fetches: %s", origin, got)
		}
		eventually(t, "the refusal of the frame", func() bool {
			return strings.Contains(strings.Join(tab.Problems(), "\n"), "frame")
		})
	}
	if html, _ := s.shelf.page(1, 1); html == nil {
		t.Error("what was dropped is gone")
	}
}

func want(t *testing.T, tab *browsertest.Tab, heading string) {
	t.Helper()
	var got string
	for end := time.Now().Add(hang); !strings.Contains(got, heading); time.Sleep(5 * time.Millisecond) {
		if tab.Eval(`document.body.innerText`, &got); time.Now().After(end) {
			t.Fatalf("no %q in %s", heading, got)
		}
	}
}
