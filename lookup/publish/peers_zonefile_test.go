//go:build unix

package publish_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// TestZoneFileReload: a zone file with the SOA in the block, and Knot, which reads it by command,
// signs it, and shows it.
func TestZoneFileReload(t *testing.T) {
	t.Parallel()
	knotc := peertest.Program(t, "knotc")
	p := startPrimary(t, authority.Knot, authority.Options{})
	file := filepath.Join(p.Dir, "zone")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// As an administrator would: the marks around the SOA, with a serial above the signed one.
	_, rest, _ := strings.Cut(string(text), "@ SOA")
	_, rest, _ = strings.Cut(rest, "\n")
	peertest.WriteFile(t, file, "$ORIGIN "+p.Zone+"\n$TTL 1\n; dnseal begin\n@ SOA ns hostmaster 100 3600 600 86400 1\n; dnseal end\n"+rest)
	z, err := publish.NewZoneFile(publish.ZoneFileOptions{
		File: file, NameServers: []string{p.Addr}, Lookup: p.lookup,
		Reload: []string{knotc, "-b", "-c", filepath.Join(p.Dir, "knot.conf"), "zone-reload", p.Zone},
	})
	if err != nil {
		t.Fatal(err)
	}
	change := add("sensor._device."+p.Zone, digest(1))
	change.Expect = []dane.Record{}
	for _, c := range []publish.Change{change, {Owner: change.Owner, Type: change.Type, Remove: change.Add}} {
		if err := z.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		seen, err := z.ReadBack(t.Context(), c)
		if err != nil || len(seen) != 1 || len(seen[0].Records) != len(c.Add) || seen[0].Serial < 101 {
			t.Fatalf("%+v, %v", seen, err)
		}
	}
}
