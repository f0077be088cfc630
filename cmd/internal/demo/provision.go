package demo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
	"dnseal/receiver"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// demoTTL of records, and of their absence: short, so that nobody has to wait for a rollover.
const demoTTL = 2 * time.Second

// emptyZone is a zone without identities.
func emptyZone(name string) string {
	return fmt.Sprintf("%[1]s. 300 IN SOA ns.%[1]s. hostmaster.%[1]s. 1 3600 900 1209600 %[2]d\n%[1]s. 300 IN NS ns.%[1]s.\nns.%[1]s. 300 IN A 192.0.2.53\n", name, demoTTL/time.Second)
}

// publish serves zones without identities, and publishes these by dynamic updates.
func (d *demo) publish(ctx context.Context) error {
	d.title("Published: one record each, in zones signed from a root made for this demo")
	zones, err := d.zones(d.people()...)
	if err != nil {
		return err
	}
	for i, z := range zones {
		if err = d.file(z.File, []byte(z.Text)); err != nil {
			return err
		}
		zones[i].Text = emptyZone(z.File[:len(z.File)-len(".zone")])
	}
	key, err := publish.NewKey("demo")
	if err != nil {
		return err
	}
	if d.dns, err = lookuptest.New(zones, lookuptest.Options{
		UpdateKeys: []lookuptest.UpdateKey{{Name: key.Name, Algorithm: key.Algorithm, Secret: key.Secret()}},
	}); err != nil {
		return err
	}
	if err = d.dns.Start("127.0.0.1:0"); err != nil {
		return err
	}
	if err = d.file("delv.anchor", []byte(d.dns.AnchorDelv())); err != nil {
		return err
	}
	if err = d.file("root.anchor", []byte(d.dns.Anchor())); err != nil {
		return err
	}
	if err = d.openPublisher(key); err != nil {
		return err
	}
	d.note("a resolver answers on %s; only the root key is trusted, not it", d.dns.Addr())
	if err = d.provision(ctx, provision.ToPublish(provision.PublishOptions{TTL: demoTTL}), d.people()...); err != nil {
		return err
	}
	d.must(true, "sent as signed updates (RFC 2136), read back from the name server")
	return nil
}

// openPublisher sends updates to the demo's server, and reads back from it.
func (d *demo) openPublisher(key *publish.Key) (err error) {
	if d.lookup, err = d.client(10 * time.Second); err != nil {
		return err
	}
	addr := d.dns.Addr()
	d.publisher, err = publish.New(publish.Options{Server: addr, NameServers: []string{addr}, Key: key, Lookup: d.lookup})
	return err
}

// provision takes identities through their life, as far as that is possible now.
func (d *demo) provision(ctx context.Context, intent provision.Intent, names ...string) error {
	for _, o := range d.runner(intent).Run(ctx, names) {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

func (d *demo) runner(intent provision.Intent) *provision.Runner {
	return &provision.Runner{Dir: filepath.Join(d.dir, "identities"), Publisher: d.publisher, Intent: intent}
}

// rollOver replaces the device's key, while it goes on reporting.
func (d *demo) rollOver(ctx context.Context) error {
	d.title("The device's key is replaced, and no message fails meanwhile")
	before, err := identity.LoadPublic(filepath.Join(d.dir, "identities"), demoDevice)
	if err != nil {
		return err
	}
	r := d.runner(provision.ToRollOver(provision.RolloverOptions{Retention: lifecycle.Keep}))
	r.Done = func(_ string, s lifecycle.Step) { d.note("%-9s %s", s.Do, s.Why) }
	outcome := r.Wait(ctx, []string{demoDevice}, func(waiting []*provision.Outcome, until time.Time) {
		d.note("%-9s %.1f s: %s", lifecycle.Wait, time.Until(until).Seconds(), waiting[0].Step.Why)
	})[0]
	if outcome.Err != nil {
		return outcome.Err
	}
	after, err := d.reportBy(ctx)
	if err != nil {
		return err
	}
	for _, report := range []struct {
		by    string
		mail  []byte
		first bool
	}{{"the key before", d.reported, true}, {"the new key", after, false}} {
		found, err := d.verify(ctx, report.mail)
		if err != nil {
			return err
		}
		own := found.Signatures[0].Certificate.SHA256 == fmt.Sprintf("%x", sha256.Sum256(before.Certificate.Raw))
		d.must(found.Verdict == receiver.Pass && own == report.first, "%s: a report signed by %s", found.Verdict, report.by)
	}
	return nil
}
