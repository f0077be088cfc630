package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// briefZone is the world's zone with times of a second.
func (w *world) briefZone() {
	w.T.Helper()
	id, err := identity.Load(w.Path("keys"), "alice@example.org")
	must(w.T, err)
	owner, typ, err := id.OwnerName()
	must(w.T, err)
	record, err := id.Record(3, 1, 1)
	must(w.T, err)
	line, err := identity.FormatRecord(owner, typ, record, time.Second, "zone")
	must(w.T, err)
	text := "$ORIGIN example.org.\n@ 1 SOA ns hostmaster 1 7200 3600 1209600 1\n@ 1 NS ns\nns 1 A 127.0.0.1\n" + line + "\n"
	must(w.T, w.DNS.Replace([]lookuptest.Zone{{Text: text}}))
}

// rollOver begins a rollover, as dnseal identity rollover does without --wait.
func (w *world) rollOver(c *config.Config) {
	w.T.Helper()
	client, err := c.LookupClient()
	must(w.T, err)
	defer client.Close()
	publisher, err := publisherOf(c, client)
	must(w.T, err)
	r := provision.Runner{Dir: c.Identities, Publisher: publisher, Intent: provision.ToRollOver(provision.RolloverOptions{Retention: lifecycle.Keep})}
	for _, o := range r.Run(w.T.Context(), []string{"alice@example.org"}) {
		must(w.T, o.Err)
	}
}

// TestKeeper: a daemon carries a rollover on that somebody began, while mail is signed all the time
// by a key that the DNS carries.
func TestKeeper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.briefZone()
	file := w.config(worldtest.OneRelay + fmt.Sprintf("[publish]\nserver = %[1]q\nname-servers = [%[1]q]\ntsig-key = \"DIR/tsig.key\"\nkeep = true\n", w.DNS.Addr()))
	c, err := config.Load(file)
	must(t, err)
	before, err := identity.Load(c.Identities, "alice@example.org")
	must(t, err)
	w.rollOver(c)
	r := w.start("relay")
	done := func() bool { return strings.Contains(r.log.String(), "action=settle") }
	for deadline := time.Now().Add(hang); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("the keeper does not carry the rollover on")
		}
		must(t, w.submit("alice@example.org"))
		mail, late := w.Mailbox.Wait(hang)
		must(t, late)
		if got := w.verdict(mail); got != receiver.Pass {
			t.Fatalf("verdict %s at %s", got, time.Now())
		}
	}
	after, err := identity.Load(c.Identities, "alice@example.org")
	must(t, err)
	if after.Certificate.Equal(before.Certificate) || !strings.Contains(r.log.String(), "action=switch") {
		t.Error("the key is the same")
	}
	for _, want := range []string{`dnseal_keeper_identities{state="`, `dnseal_keeper_actions_total{action="switch"} 1`, "dnseal_keeper_round_timestamp_seconds "} {
		if body := w.get("/metrics"); !strings.Contains(body, want) {
			t.Errorf("metrics lack %s:\n%s", want, body)
		}
	}
	w.reload(r, "msg=reloaded")
	must(t, r.stop())
}
