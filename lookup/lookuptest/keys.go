package lookuptest

import (
	"crypto"
	"fmt"
	"sync"

	"github.com/miekg/dns"
)

// key is the one key of a zone (KSK and ZSK in one).
type key struct {
	record *dns.DNSKEY
	ds     *dns.DS
	signer crypto.Signer
}

// keyStore keeps the keys of zones across Replace. The zero value is ready.
type keyStore struct {
	mu   sync.Mutex
	keys map[string]*key
}

// get returns the key of a zone, made at first.
func (s *keyStore) get(zone string, algorithm uint8) (*key, error) {
	if algorithm == 0 {
		algorithm = dns.ECDSAP256SHA256
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("%d %s", algorithm, zone)
	if k := s.keys[id]; k != nil {
		return k, nil
	}
	k, err := newKey(zone, algorithm)
	if err != nil {
		return nil, err
	}
	if s.keys == nil {
		s.keys = map[string]*key{}
	}
	s.keys[id] = k
	return k, nil
}

// newKey makes a key with flags 257, zone key and SEP (RFC 4034, Section 2.1.1).
func newKey(zone string, algorithm uint8) (*key, error) {
	bits := map[uint8]int{dns.RSASHA256: 2048, dns.RSASHA512: 2048, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}[algorithm]
	if bits == 0 {
		return nil, fmt.Errorf("lookuptest: zone %s: algorithm %d cannot be made here (8, 10, 13, 14 or 15)", zone, algorithm)
	}
	for {
		record := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: defaultTTL},
			Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: algorithm,
		}
		private, err := record.Generate(bits)
		if err != nil {
			return nil, fmt.Errorf("lookuptest: zone %s: %w", zone, err)
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("lookuptest: zone %s: key of type %T cannot sign", zone, private)
		}
		// To the library a key tag of 0 is one that was forgotten.
		if record.KeyTag() != 0 {
			return &key{record: record, ds: record.ToDS(dns.SHA256), signer: signer}, nil
		}
	}
}
