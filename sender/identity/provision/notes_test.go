package provision

import (
	"context"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/publish"
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
