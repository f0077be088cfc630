package page

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnseal/receiver/page/browsertest"
)

// contrast lists the texts of a page that have less contrast with what is behind them than WCAG 2,
// 1.4.3, asks for.
const contrast = `(() => {
	const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const out = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.checkVisibility() || ["title", "desc"].includes(e.localName)) continue;
		const style = getComputedStyle(e);
		const a = light(parse(e.namespaceURI.endsWith("svg") ? style.fill : style.color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) out.add(ratio.toFixed(2) + " " + e.className + " " + texts.currentNode.data.slice(0, 30));
	}
	return [...out];
})()`

// TestBrowser has Chromium look at pages: hostile ones hold nothing but what this package makes and
// fetch nothing; all fit a phone, can be read in both colours and by a screen reader, and open by
// the keyboard.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b, dir := browsertest.Start(t), t.TempDir()
	tab := b.Blank(t)
	open := func(name, page string) {
		t.Helper()
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		tab.View(390, 844, false)
		tab.Go("file://" + file)
		checkQuiet(t, tab, name)
	}
	var entries []Entry
	for name, page := range hostilePages(t) {
		if !strings.HasSuffix(name, "-clear") && name != "header-plain" && name != "html-opaque" {
			continue
		}
		open(name, page)
		entries = append(entries, Entry{Verdict: "<b>", File: payloads[0], Subject: payloads[1], From: payloads[3], Date: payloads[4], Reason: payloads[5]})
	}
	for _, name := range []string{"001-pass", "400-hs-subject", "023-changed-byte", "131-dns-bogus-signature", "127-dns-insecure", "022-none-unsigned", "466-f-nul-in-value", "164-pass-signed-again", "137-dns-servfail"} {
		r, m := vector(t, name)
		open(name, write(t, r, m))
		checkReadable(t, tab, name)
		entries = append(entries, EntryOf(r, "index.html"))
	}
	for name, make := range encrypted(t) {
		r, m := make()
		open(name, write(t, r, m))
		checkReadable(t, tab, name)
		entries = append(entries, EntryOf(r, "index.html"))
	}
	var index bytes.Buffer
	if err := WriteIndex(&index, entries, Options{}); err != nil {
		t.Fatal(err)
	}
	open("index", index.String())
	checkReadable(t, tab, "index")
	r, m := vector(t, "400-hs-subject")
	open("paper", write(t, r, m))
	checkPaper(t, tab)
	open("forced", write(t, r, m))
	checkForced(t, tab)
	open("keyboard", write(t, r, m))
	checkKeyboard(t, tab)
}

// checkQuiet checks what no message may change.
func checkQuiet(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	if foreign := tab.Foreign(browsertest.Pages("index.html")); len(foreign) > 0 {
		t.Errorf("%s: not of this package: %q", name, foreign[:min(5, len(foreign))])
	}
	if requests := tab.Requests(); len(requests) != 1 {
		t.Errorf("%s: fetched %q", name, requests)
	}
	if problems := tab.Problems(); len(problems) > 0 {
		t.Errorf("%s: %q", name, problems)
	}
	var wide int
	tab.Eval(`document.scrollingElement.scrollWidth`, &wide)
	if wide > 390 {
		t.Errorf("%s: %d pixels wide on a phone of 390", name, wide)
	}
	var clipped []string
	tab.Eval(`[...document.querySelectorAll(".rail text")].filter(t => t.getBBox().x + t.getBBox().width > 360).map(t => t.textContent)`, &clipped)
	if len(clipped) > 0 {
		t.Errorf("%s: wider than the drawing: %q", name, clipped)
	}
}

func checkReadable(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	for _, dark := range []bool{false, true} {
		tab.View(1280, 900, dark)
		var poor []string
		if tab.Eval(contrast, &poor); len(poor) > 0 {
			t.Errorf("%s, dark %v: contrast of %q", name, dark, poor)
		}
	}
	found := tab.Accessible()
	for i, a := range found {
		if (a.Role == "image" || a.Role == "link" || a.Role == "heading" || a.Role == "region") && a.Name == "" {
			t.Errorf("%s: a %s without a name, after %q", name, a.Role, found[max(0, i-3):i])
		}
	}
	if !slices.ContainsFunc(found, func(a browsertest.Accessible) bool { return a.Role == "heading" }) {
		t.Errorf("%s: no heading in %q", name, found)
	}
}

// checkKeyboard opens the details of a page by the keyboard.
func checkKeyboard(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	var total, open int
	tab.Eval(`document.querySelectorAll("details:not([open])").length`, &total)
	for range 2*total + 10 {
		tab.Press("Tab")
		var folded, ring bool
		tab.Eval(`document.activeElement.localName === "summary" && !document.activeElement.parentElement.open`, &folded)
		if folded {
			tab.Eval(`getComputedStyle(document.activeElement).outlineStyle === "solid"`, &ring)
			if !ring {
				t.Error("the focus is not seen")
			}
			tab.Press("Enter")
		}
	}
	tab.Eval(`document.querySelectorAll("details[open]").length`, &open)
	if total == 0 || open != total+1 {
		t.Errorf("%d details are open, want %d", open, total+1)
	}
}

// checkForced checks that drawings and signs have the colours that the reader's system forces on
// pages, and that nothing moves.
func checkForced(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	var moving int
	if tab.Eval(`document.getAnimations().length`, &moving); moving > 0 {
		t.Errorf("%d things move", moving)
	}
	tab.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "forced-colors", "value": "active"}}}, nil)
	defer tab.View(390, 844, false)
	var own []string
	tab.Eval(`(() => {
		const e = document.body.appendChild(document.createElement("i"));
		e.style.cssText = "color:CanvasText;background-color:Canvas";
		const system = [getComputedStyle(e).color, getComputedStyle(e).backgroundColor, "none"];
		e.remove();
		return [...document.querySelectorAll("svg text, svg path, svg circle, svg rect")]
			.filter(e => !system.includes(getComputedStyle(e).fill) || !system.includes(getComputedStyle(e).stroke))
			.map(e => e.outerHTML + getComputedStyle(e).fill + getComputedStyle(e).stroke);
	})()`, &own)
	if len(own) > 0 {
		t.Errorf("not in the colours of the system: %q", own[:min(3, len(own))])
	}
}

// checkPaper checks that on paper nothing is folded away but the source of HTML.
func checkPaper(t *testing.T, tab *browsertest.Tab) {
	t.Helper()
	tab.Call("Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
	var folded []string
	tab.Eval(`[...document.querySelectorAll("details:not(.source) :is(dl, pre, table)")].filter(e => !e.checkVisibility({contentVisibilityAuto: true})).map(e => e.outerHTML.slice(0, 60))`, &folded)
	if len(folded) > 0 {
		t.Errorf("not on paper: %q", folded)
	}
	if pdf := tab.PDF(); !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("no PDF: %.20q", pdf)
	}
}
