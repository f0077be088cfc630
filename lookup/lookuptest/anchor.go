package lookuptest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Anchor returns the root's trust anchor as DNSKEY and DS records in zone-file form: for
// dnssec.ParseAnchors, "dnseal --trust-anchor" and unbound's trust-anchor-file. It is empty when
// the root zone is unsigned.
func (s *Server) Anchor() string {
	k := s.view.Load().zones["."].key
	if k == nil {
		return ""
	}
	return spaced(k.record) + spaced(k.ds)
}

// AnchorDelv returns the same as a file for delv -a and named.
func (s *Server) AnchorDelv() string {
	k := s.view.Load().zones["."].key
	if k == nil {
		return ""
	}
	return fmt.Sprintf("trust-anchors {\n\t\".\" static-key %d %d %d \"%s\";\n};\n",
		k.record.Flags, k.record.Protocol, k.record.Algorithm, k.record.PublicKey)
}

// spaced writes a record with spaces instead of tabs, one a line.
func spaced(rr dns.RR) string { return strings.ReplaceAll(rr.String(), "\t", " ") + "\n" }
