package provision

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// TestHoldsCertificate: a record with the whole certificate counts also where it was published by
// hand, and where the memory was lost, as soon as it was seen once; not where a record with the key
// alone is beside it.
func TestHoldsCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.create("alice@example.org")
	owner, typ, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	holds := func(when string, want bool) {
		t.Helper()
		if got := HoldsCertificate(w.Dir, id.Name); got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	apply := func(c publish.Change) {
		t.Helper()
		c.Owner, c.Type, c.TTL = owner, typ, time.Minute
		if err := w.Publisher.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		w.run(id.Name, Intent{})
	}
	record := func(selector uint8) []dane.Record {
		r, err := id.Record(dane.DANEEE, selector, dane.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return []dane.Record{r}
	}
	holds("unpublished", false)
	apply(publish.Change{Add: record(dane.FullCertificate)})
	holds("by hand", true)
	apply(publish.Change{Add: record(dane.PublicKey)})
	holds("with the key beside it", false)
	apply(publish.Change{Remove: record(dane.PublicKey)})
	holds("alone again", true)
	w.run(id.Name, ToPublish(PublishOptions{Form: &lifecycle.Form{Usage: 3, Selector: 0, Matching: 1}}))
	holds("by a form that was named", true)
	if err := os.Remove(filepath.Join(filepath.Dir(id.KeyFile), stateFile)); err != nil {
		t.Fatal(err)
	}
	holds("the memory is lost", false)
	w.run(id.Name, Intent{})
	holds("and it was seen again", true)
}
