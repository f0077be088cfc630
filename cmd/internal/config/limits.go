package config

import "dnseal/lookup/dnssec"

// limitFields are the limits of package dnssec by the names it gives them.
func limitFields(l *dnssec.Limits) map[string]*int {
	return map[string]*int{
		"queries": &l.Queries, "lookup-queries": &l.LookupQueries, "verifications": &l.Verifications,
		"ds-digests": &l.Digests, "nsec3-hashes": &l.Hashes, "signatures": &l.Signatures,
		"bad-signatures": &l.BadSignatures, "same-tag-keys": &l.SameTagKeys, "keys": &l.Keys, "ds": &l.DS,
		"aliases": &l.Aliases, "labels": &l.Labels, "records": &l.Records, "leaf-records": &l.LeafRecords,
		"leaf-record-size": &l.LeafRecordSize, "leaf-size": &l.LeafSize,
		"nsec3-iterations": &l.Iterations, "nsec3-iterations-bogus": &l.BogusIterations,
	}
}

// dnsLimits puts the values of a file over the defaults, which are zero.
func dnsLimits(values map[string]int) dnssec.Limits {
	var l dnssec.Limits
	fields := limitFields(&l)
	for name, value := range values {
		if f := fields[name]; f != nil {
			*f = value
		}
	}
	return l
}
