//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	gomilter "github.com/d--j/go-milter"
	"pgregory.net/rapid"

	"dnseal/smime/message"
)

// TestEditsAsFile wants random edits of random messages to come out as they are
// written for files, byte by byte.
func TestEditsAsFile(t *testing.T) {
	t.Parallel()
	var edit atomic.Pointer[message.Edit]
	var want record[string]
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		var b bytes.Buffer
		if _, err := m.WriteEdited(&b, edit.Load()); err != nil {
			t.Error(err)
		}
		want.add(b.String())
		return &message.Outcome{Action: message.Accept, Edit: edit.Load()}
	})})
	m := srv.connect(t)
	rapid.Check(t, func(rt *rapid.T) {
		raw := drawFields(rt) + "\r\n" + drawBody(rt)
		edit.Store(drawEdit(rt, raw))
		acts, a := m.send(mail{raw: raw})
		if a.Type != gomilter.ActionAccept {
			rt.Fatalf("answer %v", a)
		}
		if got := m.deliver(raw, acts); got != want.last() {
			rt.Fatalf("the MTA has\n%q\nwant\n%q", got, want.last())
		}
	})
}

var drawName = rapid.SampledFrom([]string{"X", "x", "Subject", "SUBJECT", "Authentication-Results", "authentication-results", "Y "})

func drawValue(t *rapid.T) string {
	lines := rapid.SliceOfN(rapid.StringMatching(`[ \t][!-~]{0,10}[ -~]{0,30}`), 1, 4).Draw(t, "lines")
	lines[0] += rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "end")
	if rapid.Bool().Draw(t, "no space") {
		lines[0] = strings.TrimLeft(lines[0], " \t")
	}
	return strings.Join(lines, "\r\n")
}

func drawFields(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(0, 12).Draw(t, "fields") {
		fmt.Fprintf(&b, "%s:%s\r\n", drawName.Draw(t, "name"), drawValue(t))
	}
	return b.String()
}

func drawBody(t *rapid.T) string {
	s := string(rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "body"))
	return strings.Repeat(s, rapid.SampledFrom([]int{1, 1, 1, 2000}).Draw(t, "times"))
}

func drawEdit(t *rapid.T, raw string) *message.Edit {
	e := &message.Edit{}
	for range rapid.IntRange(0, 4).Draw(t, "new") {
		op := rapid.SampledFrom([]message.Op{message.Insert, message.Append}).Draw(t, "op")
		name := strings.TrimSpace(drawName.Draw(t, "name"))
		e.Changes = append(e.Changes, message.Change{Op: op, Name: name, Value: drawValue(t)})
	}
	fields, _ := message.ParseHeader([]byte(raw))
	count := map[string]int{}
	for _, f := range fields {
		name := strings.ToLower(f.Name())
		count[name]++
		if rapid.Bool().Draw(t, "delete") {
			e.Changes = append(e.Changes, message.Change{Op: message.Delete, Name: f.Name(), Index: count[name]})
		}
	}
	e.Changes = rapid.Permutation(e.Changes).Draw(t, "order")
	if rapid.Bool().Draw(t, "new body") {
		e.Body = message.NewSpool(0)
		_, _ = e.Body.Write([]byte(drawBody(t)))
	}
	return e
}

// TestLeadingSpace sends values to an MTA that adds the space itself.
func TestLeadingSpace(t *testing.T) {
	t.Parallel()
	edit := &message.Edit{Changes: []message.Change{
		{Op: message.Insert, Name: "A", Value: " one\r\n two"},
		{Op: message.Append, Name: "B", Value: "  two spaces"},
	}}
	srv := serve(t, Options{Handler: always(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		return &message.Outcome{Action: message.Accept, Edit: edit}
	})})
	m := srv.connect(t, gomilter.WithoutProtocol(gomilter.OptHeaderLeadingSpace))
	acts, _ := m.send(mail{raw: simple})
	want := "A: one\r\n two\r\nFrom: alice@example.org\r\nSubject: one\r\nB:  two spaces\r\n\r\nHello.\r\n"
	if got := m.deliver(simple, acts); got != want {
		t.Errorf("the MTA has %q, want %q", got, want)
	}
}

// TestBodyPieces wants pieces that every MTA takes, whatever this one offers, and no empty body to
// become the old one.
func TestBodyPieces(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, bodyChunk - 1, bodyChunk, bodyChunk + 1, 300_000} {
		want := strings.Repeat("x", size)
		srv := serve(t, Options{Handler: always(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
			return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Body: spool(t, []byte(want))}}
		})})
		for _, offer := range []gomilter.DataSize{gomilter.DataSize64K, gomilter.DataSize256K, gomilter.DataSize1M} {
			m := srv.connect(t, gomilter.WithOfferedMaxData(offer))
			acts, a := m.send(mail{raw: "Subject: x\r\n\r\nold"})
			if got := m.deliver("Subject: x\r\n\r\nold", acts); a.Type != gomilter.ActionAccept || got != "Subject: x\r\n\r\n"+want {
				t.Errorf("%d bytes to an MTA with %d: %v, %d bytes of message", size, offer, a, len(got))
			}
		}
	}
}

// TestWrongEdits refuses what would not end up in the header as it is meant.
func TestWrongEdits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxField+1)
	for _, c := range []message.Change{
		{},
		{Op: 9, Name: "X", Value: " x"},
		{Op: message.Insert, Name: "", Value: " x"},
		{Op: message.Insert, Name: "X:", Value: " x"},
		{Op: message.Insert, Name: "X ", Value: " x"},
		{Op: message.Insert, Name: "X", Value: ""},
		{Op: message.Insert, Name: "X", Value: "a\r\nBcc: x"},
		{Op: message.Insert, Name: "X", Value: "a\nBcc: x"},
		{Op: message.Append, Name: "X", Value: "a\r\n"},
		{Op: message.Append, Name: "X", Value: "a\rb"},
		{Op: message.Append, Name: "X", Value: "a\x00b"},
		{Op: message.Append, Name: "X", Value: long},
		{Op: message.Delete, Name: "X", Index: 0},
		{Op: message.Delete, Name: "X\r\n", Index: 1},
	} {
		if _, err := newPlan(&message.Edit{Changes: []message.Change{c}}); err == nil {
			t.Errorf("newPlan(%.100v) = nil error", c)
		}
	}
	if _, err := newPlan(removals(maxChanges + 1)); err == nil {
		t.Error("newPlan takes any number of changes")
	}
}
