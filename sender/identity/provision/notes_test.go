package provision

import (
	"context"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// bounding is a publisher whose server bounds TTLs.
type bounding struct {
	Publisher
	ttl time.Duration
}

func (b bounding) ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error) {
	seen, err := b.Publisher.ReadBack(ctx, changes...)
	for i := range seen {
		seen[i].TTL = min(seen[i].TTL, b.ttl)
	}
	return seen, err
}

// TestNotes: a TTL that the server bounds is said, one that is as asked is not.
func TestNotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.create("alice@example.org")
	w.create("bob@example.org")
	if o := w.run("alice@example.org", ToPublish(PublishOptions{TTL: time.Minute})); len(o.Notes) > 0 {
		t.Errorf("notes %q", o.Notes)
	}
	w.Publisher = bounding{w.Publisher, 30 * time.Second}
	o := w.run("bob@example.org", ToPublish(PublishOptions{TTL: time.Minute}))
	if len(o.Notes) != 1 || !strings.Contains(o.Notes[0], "30") {
		t.Errorf("notes %q", o.Notes)
	}
}

// TestLongestTTL: the longest TTL (RFC 2181, Section 8) is published, remembered and withdrawn; a
// record of others with a longer one, which counts as 0, is not in the way.
func TestLongestTTL(t *testing.T) {
	t.Parallel()
	const longest = (1<<31 - 1) * time.Second
	other := "*._device 2147483648 TLSA 3 1 1 00\n" + "b._device 2147483648 TLSA 3 1 1 00\n"
	w := newWorld(t, other)
	for _, name := range []string{"alice@example.org", "b._device.example.org"} {
		w.create(name)
		opts := PublishOptions{TTL: longest, Beside: true}
		for range 2 {
			o := w.run(name, ToPublish(opts))
			if o.Note != "" || len(o.Notes) > 0 || o.Seen[0].TTL != longest {
				t.Errorf("%s: TTL %s, note %q, notes %q", name, o.Seen[0].TTL, o.Note, o.Notes)
			}
		}
		if o := w.run(name, ToRevoke("", w.at)); o.Note != "" || o.Step.Condition != lifecycle.Revoking && o.Step.Condition != lifecycle.Revoked {
			t.Errorf("%s: %s, note %q", name, o.Step.Condition, o.Note)
		}
		if o := w.run(name, Intent{}); o.Note != "" {
			t.Errorf("%s: note %q", name, o.Note)
		}
	}
}
