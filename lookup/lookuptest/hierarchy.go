package lookuptest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// ErrTwice means that two texts were given for one zone.
var ErrTwice = errors.New("is given twice")

// source is a zone as it was given, or as updates left it.
type source struct {
	name    string
	spec    Zone
	records []record
}

// readZones parses the texts of zones.
func readZones(specs []Zone) ([]source, error) {
	var given []source
	for _, spec := range specs {
		name, records, err := parseZone(spec)
		if err != nil {
			return nil, fmt.Errorf("lookuptest: %w", err)
		}
		given = append(given, source{name, spec, records})
	}
	return given, nil
}

// buildHierarchy makes all zones, makes up their parents and joins them by delegations.
func buildHierarchy(given []source, keys *keyStore) (map[string]*zone, error) {
	zones := map[string]*zone{}
	for _, g := range given {
		if zones[g.name] != nil {
			return nil, fmt.Errorf("lookuptest: the zone %s %w (%q and %q)", g.name, ErrTwice, zones[g.name].spec.File, g.spec.File)
		}
		var err error
		if zones[g.name], err = newZone(g.name, g.spec, g.records); err != nil {
			return nil, err
		}
	}
	if err := makeUpParents(zones); err != nil {
		return nil, err
	}
	names := topDown(zones)
	for _, name := range names {
		if err := join(zones, zones[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if err := zones[name].prepare(keys); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		zones[name].addDS()
		zones[name].buildChain()
	}
	return zones, checkReachable(zones)
}

// makeUpParents adds a zone for every ancestor of a given zone that no other given zone encloses.
func makeUpParents(zones map[string]*zone) error {
	var missing []string
	for name := range zones {
		for up := name; up != "."; {
			up = parent(up)
			if zones[up] != nil {
				break
			}
			missing = append(missing, up)
		}
	}
	if zones["."] == nil {
		missing = append(missing, ".")
	}
	for _, name := range missing {
		z, err := newZone(name, Zone{File: "made up"}, nil)
		if err != nil {
			return err
		}
		zones[name] = z
	}
	return nil
}

// topDown sorts parents before children.
func topDown(zones map[string]*zone) []string {
	names := make([]string, 0, len(zones))
	for name := range zones {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return dns.CountLabel(a) - dns.CountLabel(b) })
	return names
}

// join delegates z from its parent zone.
func join(zones map[string]*zone, z *zone) error {
	if z.name == "." {
		return nil
	}
	up := parent(z.name)
	for zones[up] == nil {
		up = parent(up)
	}
	z.parent = zones[up]
	if n := z.parent.nodes[z.name]; n != nil && (n.sets[dns.TypeCNAME] != nil || n.sets[dns.TypeDNAME] != nil) {
		return fmt.Errorf("lookuptest: %s is a zone of its own, but an alias in %s", z.name, up)
	}
	cut := z.parent.node(z.name)
	cut.child = z
	// RFC 2181, Section 6.1: the parent has only the delegation; other data belongs to the child.
	cut.sets = map[uint16][]dns.RR{dns.TypeNS: z.nodes[z.name].sets[dns.TypeNS]}
	return nil
}

// addDS publishes the keys of signed children (RFC 4035, Section 2.4).
func (z *zone) addDS() {
	if z.key == nil {
		return
	}
	for _, n := range z.nodes {
		if n.child != nil && n.child.key != nil {
			n.sets[dns.TypeDS] = []dns.RR{n.child.key.ds}
		}
	}
}

// checkReachable refuses zones below a delegation to somewhere else.
func checkReachable(zones map[string]*zone) error {
	for _, z := range zones {
		if z.parent == nil {
			continue
		}
		if cut := z.parent.cutAbove(z.name); cut != nil {
			return fmt.Errorf("lookuptest: the zone %s is below the delegation of %s in %s, which is not served here", z.name, cut.name, z.parent.name)
		}
	}
	return nil
}
