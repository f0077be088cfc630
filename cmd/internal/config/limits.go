package config

import (
	"math"
	"reflect"

	"dnseal/lookup/dnssec"
)

// Limits bounds the DNS work of one message, and of one lookup for it ([dns.limits]). A lookup that
// reaches a limit is indeterminate, and the log names the limit.
type Limits struct {
	// Queries is the number of queries of all lookups for one message. Default: 100.
	Queries int `toml:"queries"`
	// LookupQueries is the number of queries of one lookup. Default: 40.
	LookupQueries int `toml:"lookup-queries"`
	// Verifications is the number of signatures verified in one lookup. Default: 32.
	Verifications int `toml:"verifications"`
	// Digests is the number of keys hashed for comparison with DS records in one lookup. Default:
	// 16.
	Digests int `toml:"ds-digests"`
	// Hashes is the number of names hashed for NSEC3 in one lookup. Default: 32.
	Hashes int `toml:"nsec3-hashes"`
	// Iterations is the number of NSEC3 iterations above which a zone counts as insecure (RFC 9276,
	// Section 3.2). Default: 50.
	Iterations int `toml:"nsec3-iterations"`
	// BogusIterations is the number of iterations above which it counts as bogus. Default: 500.
	BogusIterations int `toml:"nsec3-iterations-bogus"`
	// Signatures is the number of signatures examined for one set of records. Default: 8.
	Signatures int `toml:"signatures"`
	// BadSignatures is the number of bad signatures over one set of records after which no other is
	// tried. Default: 2.
	BadSignatures int `toml:"bad-signatures"`
	// SameTagKeys is the number of keys with the same tag (RFC 4034, Appendix B) that are tried.
	// Default: 2.
	SameTagKeys int `toml:"same-tag-keys"`
	// Keys is the number of keys of one zone. Default: 32.
	Keys int `toml:"keys"`
	// DS is the number of DS records of one zone. Default: 16.
	DS int `toml:"ds"`
	// Aliases is the number of aliases (RFC 1034, Section 3.6.2) that are followed. Default: 8.
	Aliases int `toml:"aliases"`
	// Labels is the number of labels of a name below its trust anchor. Default: 20.
	Labels int `toml:"labels"`
	// Records is the number of records in one reply. Default: 500.
	Records int `toml:"records"`
	// LeafRecords is the number of records of one identity. Default: 16.
	LeafRecords int `toml:"leaf-records"`
	// LeafRecordSize is the size in bytes of one of these records. Default: 8192.
	LeafRecordSize Size `toml:"leaf-record-size"`
	// LeafSize is the size in bytes of all of them together. Default: 16384.
	LeafSize Size `toml:"leaf-size"`
	// RSAMin is the size in bits of the shortest RSA key that is used; a zone that has only shorter
	// ones counts as insecure. Default: 1024.
	RSAMin int `toml:"rsa-bits-min"`
	// RSAMax is the size in bits of the longest RSA key that is used. Default: 4096.
	RSAMax int `toml:"rsa-bits-max"`
}

func (c *Config) checkLimits(n *notes) {
	for f, v := range reflect.ValueOf(c.DNS.Limits).Fields() {
		name := f.Tag.Get("toml")
		if value := v.Int(); value < 0 || value == 0 && n.has("dns", "limits", name) {
			n.wrong("dns.limits."+name, "limits: %s is %d; it must be at least 1", name, value)
		}
	}
}

// dnsLimits returns the limits of the file; zero means the default. The fields of both structs have
// the same names.
func (c *Config) dnsLimits() dnssec.Limits {
	var out dnssec.Limits
	to := reflect.ValueOf(&out).Elem()
	for f, v := range reflect.ValueOf(c.DNS.Limits).Fields() {
		to.FieldByName(f.Name).SetInt(min(v.Int(), math.MaxInt))
	}
	return out
}
