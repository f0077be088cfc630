package provision

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lifecycle"
)

// refusing is a publisher whose server takes nothing.
type refusing struct{ Publisher }

func (refusing) Apply(context.Context, ...publish.Change) error {
	return &publish.Refusal{Code: publish.Policy}
}

// TestPublishRefused: a publish that is refused, by the server or because of another's record,
// leaves what is wanted as it was, so that no keeper publishes the identity later; an identity that
// was revoked stays so.
func TestPublishRefused(t *testing.T) {
	t.Parallel()
	for _, revoked := range []bool{false, true} {
		for _, byServer := range []bool{false, true} {
			w := newWorld(t, "")
			id := w.create("alice@example.org")
			folder := filepath.Dir(id.KeyFile)
			w.pass(w.run(id.Name, ToPublish(PublishOptions{TTL: time.Minute})))
			w.run(id.Name, ToRevoke("", w.at))
			if !revoked { // somebody takes the note of it back
				if err := os.Remove(filepath.Join(folder, identity.RevokedFile)); err != nil {
					t.Fatal(err)
				}
			}
			o := w.run(id.Name, Intent{})
			honest := w.Publisher
			if byServer {
				w.Publisher = refusing{honest}
			} else {
				w.publishForeign(o)
			}
			list, _ := os.ReadFile(filepath.Join(folder, identity.RevokedFile))
			w.Intent = ToPublish(PublishOptions{TTL: time.Hour, Form: &lifecycle.Form{Usage: 3}})
			o = w.Run(t.Context(), []string{id.Name})[0]
			if byServer != (o.Err != nil) || len(o.Did) > 0 {
				t.Fatalf("%v, did %v", o.Err, o.Did)
			}
			if after, _ := os.ReadFile(filepath.Join(folder, identity.RevokedFile)); !bytes.Equal(list, after) {
				t.Errorf("the list of revoked keys is %q, was %q", after, list)
			}
			if stays := slices.Contains(o.Notes, id.Name+" stays revoked"); stays != revoked {
				t.Errorf("notes %q", o.Notes)
			}
			f := Folder{Name: id.Name, Path: folder}
			if m, _, err := f.Memory(); err != nil || m.Publish || m.TTL != time.Minute || m.Form != nil {
				t.Errorf("it is wanted: %+v, %v", m, err)
			}
			w.Publisher = honest
			if o = w.run(id.Name, Intent{}); len(o.Did) > 0 {
				t.Errorf("the next run did %v", o.Did)
			}
			if o = w.run(id.Name, ToPublish(PublishOptions{Beside: true})); !o.Published(id) {
				t.Error("it cannot be published any more")
			}
			if m, _, err := f.Memory(); err != nil || !m.Publish {
				t.Errorf("it is not wanted: %+v, %v", m, err)
			}
		}
	}
}

// publishForeign publishes a record of somebody else at the name of an outcome.
func (w *world) publishForeign(o *Outcome) {
	w.t.Helper()
	owner, typ, err := o.Owner()
	if err != nil {
		w.t.Fatal(err)
	}
	r, _ := o.Wanted()
	r.Data = make([]byte, 32)
	if err = w.Publisher.Apply(w.t.Context(), publish.Change{Owner: owner, Type: typ, Add: []dane.Record{r}, TTL: time.Minute}); err != nil {
		w.t.Fatal(err)
	}
}

// TestRevokeWhereNothingCanBeWritten: the records go all the same, and it is said that the keys are
// not noted as revoked; a run that can write ends it.
func TestRevokeWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	for _, blocked := range [][]string{
		{".new-file-" + stateFile + "/full", ".new-file-" + identity.RevokedFile + "/full"},
		{"lock", ".new-file-" + stateFile + "/full", ".new-file-" + identity.RevokedFile + "/full"},
		{".new-file-" + identity.RevokedFile + "/full"},
		{".new-file-" + stateFile + "/full"},
	} {
		w := newWorld(t, "")
		id := w.create("alice@example.org")
		w.pass(w.run(id.Name, ToPublish(PublishOptions{})))
		_ = os.Remove(filepath.Join(filepath.Dir(id.KeyFile), "lock")) // where it is blocked
		free := block(t, id, blocked...)
		revoke := ToRevoke("", w.at)
		for range 2 {
			o := w.run(id.Name, revoke)
			if o.Published(id) || o.Unwritten == nil || identity.Hint(o.Unwritten) == "" || o.StillSigns != (len(blocked) > 1 || strings.Contains(blocked[0], identity.RevokedFile)) {
				t.Fatalf("%q: published %v, %v", blocked, o.Published(id), o.Unwritten)
			}
		}
		free()
		o := w.run(id.Name, revoke)
		if o.Unwritten != nil || o.Published(id) {
			t.Errorf("%q: at last: %v", blocked, o.Unwritten)
		}
		if _, err := identity.Load(w.Dir, id.Name); !errors.Is(err, identity.ErrRevoked) {
			t.Errorf("%q: it loads: %v", blocked, err)
		}
	}
}

// TestAuthorityRefused: a publish of a CA that is refused leaves how it is published as it was, and
// its record is withdrawn also where that cannot be noted.
func TestAuthorityRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	authority, err := ca.New(w.Dir, "example.org", ca.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ofServer := Authority{CA: authority, Place: identity.AtUser, Publisher: w.Publisher}
	publishing := ofServer
	if _, err = publishing.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole := ofServer
	whole.Publisher, whole.Form = refusing{w.Publisher}, &lifecycle.Form{Usage: dane.DANETA, Matching: dane.SHA512}
	if _, err = whole.Run(t.Context()); err == nil {
		t.Fatal("not refused")
	}
	again := ofServer
	if o, e := again.Run(t.Context()); e != nil || len(o.Did) > 0 || o.Record.MatchingType != dane.SHA256 {
		t.Errorf("%+v, %v", o, e)
	}
	full := filepath.Join(authority.Folder, ".new-file-state-user.json", "full")
	if err = os.MkdirAll(full, 0o700); err != nil {
		t.Fatal(err)
	}
	withdrawing := ofServer
	withdrawing.Withdraw = true
	o, err := withdrawing.Run(t.Context())
	if err != nil || !slices.Contains(o.Did, lifecycle.Remove) || identity.Hint(o.Unwritten) == "" {
		t.Errorf("%+v, %v", o, err)
	}
}
