//go:build unix

package browsertest

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"
)

// Tab is a page that is open.
type Tab struct {
	tb      testing.TB
	browser *Browser
	session string

	mu       sync.Mutex
	loaded   chan struct{} // closed when the page is
	requests []string
	problems []string
}

// Open opens an address in a new tab and waits until it is loaded.
func (b *Browser) Open(tb testing.TB, address string) *Tab {
	tb.Helper()
	t := b.Blank(tb)
	t.Go(address)
	return t
}

// Blank opens an empty tab.
func (b *Browser) Blank(tb testing.TB) *Tab {
	tb.Helper()
	var target struct {
		ID string `json:"targetId"`
	}
	var attached struct {
		Session string `json:"sessionId"`
	}
	if err := b.call(tb.Context(), "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		tb.Fatal(err)
	}
	if err := b.call(tb.Context(), "", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached); err != nil {
		tb.Fatal(err)
	}
	t := &Tab{tb: tb, browser: b, session: attached.Session}
	b.mu.Lock()
	b.tabs[t.session] = t
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Network", "Log", "Runtime", "DOM"} {
		t.Call(domain+".enable", nil, nil)
	}
	t.View(1280, 900, false)
	return t
}

// Go opens another address and waits until it is loaded.
func (t *Tab) Go(address string) {
	t.tb.Helper()
	loaded := make(chan struct{})
	t.mu.Lock()
	t.loaded, t.requests, t.problems = loaded, nil, nil
	t.mu.Unlock()
	var went struct {
		Trouble string `json:"errorText"`
	}
	t.Call("Page.navigate", map[string]any{"url": address}, &went)
	if went.Trouble != "" {
		t.tb.Fatalf("%s: %s", address, went.Trouble)
	}
	t.wait(loaded)
}

// AfterLoad does what makes the tab go to another page, such as sending a form, and waits until
// that is loaded.
func (t *Tab) AfterLoad(do func()) {
	t.tb.Helper()
	loaded := make(chan struct{})
	t.mu.Lock()
	t.loaded = loaded
	t.mu.Unlock()
	do()
	t.wait(loaded)
}

func (t *Tab) wait(loaded chan struct{}) {
	t.tb.Helper()
	select {
	case <-loaded:
	case <-t.browser.ended:
		t.tb.Fatal("the browser ended")
	case <-time.After(patience):
		t.tb.Fatal("the page is not loaded")
	}
}

// Close closes the tab. Those that are open when the test ends are closed with the browser.
func (t *Tab) Close() {
	t.tb.Helper()
	t.Call("Page.close", nil, nil)
	t.browser.mu.Lock()
	delete(t.browser.tabs, t.session)
	t.browser.mu.Unlock()
}

// event notes what the tests want to know.
func (t *Tab) event(m reply) {
	var p struct {
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Text string `json:"text"`
			URL  string `json:"url"`
		} `json:"entry"`
	}
	_ = json.Unmarshal(m.Params, &p)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m.Method {
	case "Page.loadEventFired":
		if t.loaded != nil {
			close(t.loaded)
			t.loaded = nil
		}
	case "Network.requestWillBeSent":
		t.requests = append(t.requests, p.Request.URL)
	case "Log.entryAdded":
		t.problems = append(t.problems, p.Entry.Text+" "+p.Entry.URL)
	case "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
		t.problems = append(t.problems, string(m.Params))
	}
}

// Requests are the addresses that were fetched since the tab went to its page, that page first.
func (t *Tab) Requests() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests)
}

// Problems is what the browser logged since: what the Content-Security-Policy forbade, what could
// not be fetched, exceptions and dialogs of scripts.
func (t *Tab) Problems() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.problems)
}

// Call sends a command of the DevTools protocol; out takes the answer, and may be nil.
func (t *Tab) Call(method string, params, out any) {
	t.tb.Helper()
	if err := t.browser.call(t.tb.Context(), t.session, method, params, out); err != nil {
		t.tb.Fatal(err)
	}
}

// Eval evaluates an expression of JavaScript in the page, whatever its policy; out takes its value
// as JSON, and may be nil. A promise is waited for.
func (t *Tab) Eval(expression string, out any) {
	t.tb.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	t.Call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.Exception != nil {
		t.tb.Fatalf("%s: %s %s", expression, answer.Exception.Text, answer.Exception.Exception.Description)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, out); err != nil {
		t.tb.Fatalf("%s: %v", expression, err)
	}
}
