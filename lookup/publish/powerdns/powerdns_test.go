//go:build unix

package powerdns_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
)

// records are what every zone has from the start.
const records = `alias._device CNAME elsewhere
tree DNAME other.example.net.
sub NS ns.elsewhere.example.
a.b.deep TXT "x"
below.deleg.deep NS ns.elsewhere.example.
other._device 300 TLSA 3 1 1 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
`

// lab is PowerDNS on PostgreSQL.
type lab struct {
	*authority.Server
}

func newLab(tb testing.TB, opts authority.Options) *lab {
	tb.Helper()
	return &lab{authority.Start(tb, authority.PowerDNSPostgres, "example.lab", opts)}
}

// zone is one zone of it, and a client of the database.
type zone struct {
	*lab
	*powerdns.Client
	name string // without the dot at its end
}

// zone makes another zone, signed as pdnsutil does with further commands.
func (l *lab) zone(tb testing.TB, name, records string, secure bool, commands ...[]string) *zone {
	tb.Helper()
	z := &zone{lab: l, name: name}
	file := filepath.Join(tb.TempDir(), "zone")
	peertest.WriteFile(tb, file, fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n%s", name, records))
	l.pdnsutil(tb, "load-zone", name, file)
	if secure {
		l.pdnsutil(tb, "secure-zone", name)
	}
	for _, c := range commands {
		l.pdnsutil(tb, append(c[:1:1], append([]string{name}, c[1:]...)...)...)
	}
	l.pdnsutil(tb, "rectify-zone", name)
	z.Client = z.client(tb, nil)
	return z
}

// client is one of the database.
func (z *zone) client(tb testing.TB, edit func(*powerdns.Options)) *powerdns.Client {
	tb.Helper()
	o := powerdns.Options{URL: z.Postgres.URL(), NameServers: []string{z.Addr}, Lookup: z.lookup(tb), Batch: 7}
	if edit != nil {
		edit(&o)
	}
	c, err := powerdns.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// lookup asks the name server itself.
func (z *zone) lookup(tb testing.TB) *lookup.Client {
	tb.Helper()
	l, err := lookup.New(lookup.Options{Resolvers: []string{z.Addr}, Anchors: z.anchors(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

// anchors are the zone's own key; nil: it has none.
func (z *zone) anchors(tb testing.TB) *dnssec.Anchors {
	tb.Helper()
	for _, rr := range z.Ask(z.name, dns.TypeDNSKEY).Answer {
		if key, ok := rr.(*dns.DNSKEY); ok {
			anchors, err := dnssec.ParseAnchors(key.ToDS(dns.SHA256).String()+"\n", "anchor")
			if err != nil {
				tb.Fatal(err)
			}
			return anchors
		}
	}
	return nil
}

// digest is a record that differs for each i.
func digest(i int) dane.Record {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: sum[:]}
}

func add(owner string, r ...dane.Record) publish.Change {
	return publish.Change{Owner: owner, Type: dane.TLSA, TTL: time.Minute, Add: r}
}

func remove(owner string, r ...dane.Record) publish.Change {
	return publish.Change{Owner: owner, Type: dane.TLSA, Remove: r}
}

// pdnsutil runs it, and returns what it says.
func (l *lab) pdnsutil(tb testing.TB, args ...string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, peertest.Program(tb, "pdnsutil"), append([]string{"--config-dir=" + l.Dir}, args...)...).CombinedOutput()
	if err != nil {
		tb.Fatalf("pdnsutil %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// table is all that the zone has, but ids and what is not compared.
func (z *zone) table(tb testing.TB) (out []string) {
	tb.Helper()
	for _, row := range z.SQL(tb, "select r.name, r.type, content, ttl, prio, disabled, ordername, auth from records r join domains d on d.id = domain_id where d.name = '"+z.name+"' order by 1, 2, 3") {
		out = append(out, strings.Join(row, " | "))
	}
	return out
}

// checked fails unless PowerDNS finds nothing wrong.
func (z *zone) checked(tb testing.TB) {
	tb.Helper()
	if said := z.pdnsutil(tb, "check-zone", z.name); !strings.Contains(said, "0 errors, 0 warnings") {
		tb.Errorf("check-zone: %s", said)
	}
}

// rectified fails unless PowerDNS itself finds nothing to change.
func (z *zone) rectified(tb testing.TB) {
	tb.Helper()
	before := z.table(tb)
	z.pdnsutil(tb, "rectify-zone", z.name)
	if after := z.table(tb); !slices.Equal(before, after) {
		tb.Errorf("rectify-zone changed it:\n%s\n\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// apply fails the test on an error.
func (z *zone) apply(tb testing.TB, changes ...publish.Change) {
	tb.Helper()
	if err := z.Apply(tb.Context(), changes...); err != nil {
		tb.Fatal(err)
	}
}

// shown reads all changes back, validated.
func (z *zone) shown(tb testing.TB, changes ...publish.Change) {
	tb.Helper()
	if _, err := z.ReadBack(tb.Context(), changes...); err != nil {
		tb.Error(err)
	}
}

// at is an owner name in the zone.
func (z *zone) at(label string) string { return label + "." + z.name + "." }

// devices are n names in the form of a tree.
func (z *zone) devices(n int) (out []publish.Change) {
	for i := range n {
		out = append(out, add(z.at(fmt.Sprintf("sn%d.%02x.%02x._device", i, i%3, i%2)), digest(i)))
	}
	return out
}

// withdrawn are the changes that undo others.
func withdrawn(changes ...publish.Change) (out []publish.Change) {
	for _, c := range changes {
		out = append(out, publish.Change{Owner: c.Owner, Type: c.Type, Remove: c.Add})
	}
	return out
}

// TestPowerDNS holds the client against PowerDNS, in several zones of one server.
func TestPowerDNS(t *testing.T) {
	t.Parallel()
	l := newLab(t, authority.Options{})
	set := func(words ...string) []string { return words }
	t.Run("zones", func(t *testing.T) {
		for name, commands := range map[string][][]string{
			"nsec": nil, "unsigned": nil,
			"nsec3":         {set("set-nsec3", "1 0 3 abcd")},
			"optout":        {set("set-nsec3", "1 1 0 -")},
			"narrow":        {set("set-nsec3", "1 0 0 -", "narrow")},
			"narrow-optout": {set("set-nsec3", "1 1 0 -", "narrow")},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				l.zone(t, name+".lab", records, name != "unsigned", commands...).testRectified(t)
			})
		}
		for name, test := range map[string]func(*zone, *testing.T){
			"serial": (*zone).testSerial, "records": (*zone).testRecords, "refusals": (*zone).testRefusals,
			"lost": (*zone).testLost, "together": (*zone).testTogether, "told": (*zone).testTold,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(l.zone(t, name+".lab", records, true), t)
			})
		}
	})
}

// testRectified: whatever is added and removed, in whatever order, PowerDNS itself finds nothing to
// put right afterwards, and shows it with proofs.
func (z *zone) testRectified(t *testing.T) {
	t.Helper()
	start := z.table(t)
	devices := append(z.devices(20), add(z.at(`x\.y\032z.a\\b.deep`), digest(50)), add(z.at("sensor.deleg.deep"), digest(51)))
	z.apply(t, devices...)
	// A name in the middle of the tree, then its leaves away, then itself.
	middle := add(z.at("00.01._device"), digest(100), digest(101))
	z.apply(t, middle)
	if z.anchors(t) != nil {
		z.shown(t, append(devices, middle)...)
	}
	z.rectified(t)
	z.checked(t)
	z.apply(t, withdrawn(devices[1:]...)...)
	z.rectified(t)
	z.apply(t, withdrawn(devices[0], middle)...)
	if z.anchors(t) != nil && !strings.Contains(z.name, "optout") {
		z.shown(t, withdrawn(devices...)...)
	}
	now := z.table(t)
	isSOA := func(line string) bool { return strings.Contains(line, "| SOA |") }
	if now, start = slices.DeleteFunc(now, isSOA), slices.DeleteFunc(start, isSOA); !slices.Equal(now, start) {
		t.Errorf("is\n%s\nwas\n%s", strings.Join(now, "\n"), strings.Join(start, "\n"))
	}
}

// testSerial: one serial a transaction, none where nothing changes.
func (z *zone) testSerial(t *testing.T) {
	t.Helper()
	where := " where type = 'SOA' and name = '" + z.name + "'"
	serial := func(want string) {
		t.Helper()
		if got := strings.Fields(z.SQL(t, "select content from records"+where)[0][0])[2]; got != want {
			t.Errorf("the serial is %s, want %s", got, want)
		}
	}
	devices := z.devices(8)
	z.apply(t, devices...) // 7 and 1
	serial("3")
	z.apply(t, devices...)
	z.apply(t, remove(z.at("nothing._device"), digest(1)))
	serial("3")
	z.SQL(t, "update records set content = replace(content, ' 3 3600', ' 4294967295 3600')"+where)
	z.apply(t, withdrawn(devices[0])...)
	serial("1")
}

// testRecords: exact records are added and removed, whatever their spelling; others stay.
func (z *zone) testRecords(t *testing.T) {
	t.Helper()
	owner, stored := z.at("other._device"), "other._device."+z.name
	there := dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte(strings.Repeat("\xab", 32))}
	has := func(want ...string) {
		t.Helper()
		var got []string
		for _, row := range z.SQL(t, "select ttl || ' ' || type || ' ' || lower(left(content, 10)) from records where name = '"+stored+"' order by type, content") {
			got = append(got, row[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("it has %q, want %q", got, want)
		}
	}
	z.apply(t, add(owner, there))
	has("60 TLSA 3 1 1 abab")
	one := add(owner, digest(1))
	one.Expect, one.TTL = []dane.Record{there}, 2*time.Minute
	mail := publish.Change{Owner: owner, Type: dane.SMIMEA, TTL: time.Hour, Add: []dane.Record{digest(2), digest(2)}}
	z.apply(t, one, mail)
	z.apply(t, one, mail) // again
	has("3600 SMIMEA 3 1 1 d473", "120 TLSA 3 1 1 6b86", "120 TLSA 3 1 1 abab")
	z.apply(t, remove(owner, there))
	has("3600 SMIMEA 3 1 1 d473", "120 TLSA 3 1 1 6b86")
	z.rectified(t)
	if script, err := z.Script(t.Context(), remove(owner, digest(1)), add(z.at("new._device"), digest(3))); err != nil ||
		!strings.HasPrefix(script, "zone records.lab.\n- other._device.records.lab. 120 TLSA 3 1 1 6b86") || !strings.Contains(script, "\n+ new._device.records.lab. 60 TLSA 3 1 1 4e07") {
		t.Errorf("Script = %q, %v", script, err)
	}
	has("3600 SMIMEA 3 1 1 d473", "120 TLSA 3 1 1 6b86")
}

// testRefusals: what is in the way is told, and does not stop the others.
func (z *zone) testRefusals(t *testing.T) {
	t.Helper()
	changed := add(z.at("other._device"), digest(1))
	changed.Expect = []dane.Record{digest(9)}
	unexpected := changed
	unexpected.Expect = []dane.Record{}
	for name, c := range map[string]struct {
		change publish.Change
		want   publish.Code
	}{
		"alias":      {add(z.at("alias._device"), digest(1)), publish.Alias},
		"beneath":    {add(z.at("x.tree"), digest(1)), publish.Alias},
		"delegated":  {add(z.at("a.b.sub"), digest(1)), publish.OutsideZone},
		"cut":        {add(z.at("sub"), digest(1)), publish.OutsideZone},
		"no zone":    {add("sensor._device.elsewhere.lab", digest(1)), publish.NoZone},
		"changed":    {changed, publish.Changed},
		"unexpected": {unexpected, publish.Changed},
		"too long":   {add(z.at("long._device"), dane.Record{Usage: 3, Data: make([]byte, 40_000)}), publish.TooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := add(strings.ReplaceAll(name, " ", "")+z.at("._good"), digest(1))
			err := z.Apply(t.Context(), c.change, good)
			partial, ok := errors.AsType[*publish.PartialError](err)
			if !ok || len(partial.Done) != 1 || partial.Done[0].Owner != good.Owner || len(partial.NotDone) != 1 || code(err) != c.want {
				t.Errorf("error = %v (%q), want code %q and one made", err, code(err), c.want)
			}
			if err = z.Apply(t.Context(), c.change); code(err) != c.want || strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("error = %v (%q), want code %q", err, code(err), c.want)
			}
		})
	}
}

func code(err error) publish.Code {
	if r, ok := errors.AsType[*publish.Refusal](err); ok {
		return r.Code
	}
	return ""
}
