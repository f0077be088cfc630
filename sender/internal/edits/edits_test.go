package edits

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/message"
)

// TestCompose: one composed edit does what the two do one after the other.
func TestCompose(t *testing.T) {
	names := []string{"X-Dnseal-Sign", "Content-Type", "Subject", "Date"}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for i := range rapid.IntRange(1, 10).Draw(t, "fields") {
			fmt.Fprintf(&text, "%s: %d\r\n", rapid.SampledFrom(names).Draw(t, "name"), i)
		}
		m, err := message.Read(strings.NewReader(text.String()+"\r\nbody\r\n"), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		first := &message.Edit{Changes: append(deletes(t, m, names, "first"), additions(t, names, "first", message.Append)...)}
		between, err := Apply(m, first)
		if err != nil {
			t.Fatal(err)
		}
		if between != m {
			defer between.Close()
		}
		second := &message.Edit{Changes: append(deletes(t, between, names, "second"), additions(t, names, "second", message.Append, message.Insert)...)}
		if rapid.Bool().Draw(t, "body") {
			second.Body = message.NewSpool(0)
			second.Body.WriteString("new\r\n")
			defer second.Close()
		}
		want, got := written(t, between, second), written(t, m, Compose(m, first, second))
		if want != got {
			t.Fatalf("one after the other:\n%s\ncomposed:\n%s", want, got)
		}
	})
}

func deletes(t *rapid.T, m *message.Message, names []string, label string) []message.Change {
	var out []message.Change
	for _, name := range names {
		for i := range m.Fields(name) {
			if rapid.Bool().Draw(t, label) {
				out = append(out, message.Change{Op: message.Delete, Name: strings.ToLower(name), Index: i + 1})
			}
		}
	}
	return out
}

func additions(t *rapid.T, names []string, label string, ops ...message.Op) []message.Change {
	var out []message.Change
	for i := range rapid.IntRange(0, 3).Draw(t, label+" additions") {
		op := rapid.SampledFrom(ops).Draw(t, "op")
		out = append(out, message.Change{Op: op, Name: rapid.SampledFrom(names).Draw(t, "name"), Value: fmt.Sprintf(" %s %d", label, i)})
	}
	return out
}

func written(t *rapid.T, m *message.Message, e *message.Edit) string {
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, e); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
