// Package handover passes identities on from one role to the next: a hardware supplier gives an
// integrator, and an integrator a consumer, names and public keys or certificates, with what is
// known of where they come from, signed by the giver's own DNS-bound name. No private key is ever
// in it: each role does its half of provisioning alone.
//
// A hand-over is one file: CMS SignedData (RFC 5652, Section 5) with the content inside, as
// "openssl cms -verify -inform DER" reads it too. The content is JSON, one object a line (RFC
// 8259): first a [Header], then an [Entry] for each identity. A large number of identities is given
// in several files, the parts of one hand-over.
//
// [Write] makes a file, [Read] reads one and hands out its entries only after the signature, the
// giver's records in the DNS and the whole content were found right (giver.go).
//
// # Limitations
//
// That a device has the private key of its entry is not proven: it is the giver's word. A file does
// not say when it stops to count: the taker decides that by Header.At. Whoever sees the file reads
// the names in it; nothing is encrypted.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"dnseal/sender/identity"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// Limits of a file.
const (
	// MaxEntries is the most identities of one file; more go into further parts.
	MaxEntries = 100_000
	// MaxParts is the most parts of one hand-over.
	MaxParts = 10_000
	// MaxLine is the most octets of a line of the content.
	MaxLine = 64 << 10
	// MaxContent is the most octets of the content of one file.
	MaxContent = 1 << 30
	// MaxColumns is the most columns that an entry has besides name, key and provenance: a table
	// has 64 in all.
	MaxColumns = 61
	// MaxProvenance is the most givers before this one that an entry names.
	MaxProvenance = 16
)

// maxID is the most digits of an ID.
const maxID = 64

// format is the value of Header.Format: what a later form would change.
const format = 1

// Header is the first line of the content.
type Header struct {
	// Format is 1. Its name keeps a signature over anything else, such as a mail, from being taken
	// for a hand-over.
	Format int `json:"dnseal_handover"`
	// ID is the same in all parts of a hand-over, and in no other hand-over of this giver.
	ID string `json:"id"`
	// Giver is the DNS-bound name that signs.
	Giver string `json:"giver"`
	// Taker is the name of the party that it is for; empty: anybody.
	Taker string `json:"taker,omitempty"`
	// At is when it was made.
	At time.Time `json:"at"`
	// Part of Parts, from 1.
	Part  int `json:"part"`
	Parts int `json:"parts"`
	// Entries is the number of lines that follow.
	Entries int `json:"entries"`
	// Columns are the names of what entries have in Entry.Columns, in the order of the giver's
	// table.
	Columns []string `json:"columns,omitempty"`
}

// Entry is one identity: a name with a public key, a certificate, or both.
type Entry struct {
	// Name of the identity, as [identity.ParseName] returns it; empty where the taker gives it one.
	Name string `json:"name,omitempty"`
	// PublicKey is the DER SubjectPublicKeyInfo (RFC 5280, Section 4.1); empty: that of the
	// Certificate.
	PublicKey []byte `json:"public_key,omitempty"`
	// Certificate is the DER of the certificate; empty: there is none yet.
	Certificate []byte `json:"certificate,omitempty"`
	// Columns say more of it, such as its serial number; nil: nothing.
	Columns map[string]string `json:"columns,omitempty"`
	// Provenance are the hand-overs before this one, the first giver first.
	Provenance []Origin `json:"provenance,omitempty"`
}

// Origin is an earlier hand-over of an identity.
type Origin struct {
	Giver string    `json:"giver"`
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
}

// Origin says where the entries of a file come from, for the provenance that its taker passes on.
func (h *Header) Origin() Origin { return Origin{h.Giver, h.ID, h.At} }

// check says what is wrong with a header.
func (h *Header) check() error {
	switch {
	case h.Format != format:
		return fmt.Errorf("it is no hand-over of format %d", format)
	case h.ID == "" || h.Giver == "" || h.At.IsZero():
		return errors.New("its first line has no id, giver or time")
	case len(h.ID) > maxID || strings.Trim(h.ID, "0123456789abcdef") != "":
		return fmt.Errorf("its id is not as %d hexadecimal digits at most are written", maxID)
	case strings.ContainsFunc(h.Giver+h.Taker+strings.Join(h.Columns, ""), func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("its first line has characters that are not printed")
	case h.Parts < 1 || h.Parts > MaxParts || h.Part < 1 || h.Part > h.Parts:
		return fmt.Errorf("there is no part %d of %d", h.Part, h.Parts)
	case h.Entries < 0 || h.Entries > MaxEntries:
		return fmt.Errorf("%d entries are more than the %d of one file", h.Entries, MaxEntries)
	case len(h.Columns) > MaxColumns:
		return fmt.Errorf("%d columns are more than %d", len(h.Columns), MaxColumns)
	}
	return nil
}

// check says what is wrong with an entry of a file with this header.
func (e *Entry) check(h *Header) error {
	if e.Name != "" {
		if _, name, err := identity.ParseName(e.Name); err != nil || name != e.Name {
			return fmt.Errorf("%q is no name of an identity in its normal form", e.Name)
		}
	}
	for column := range e.Columns {
		if !slices.Contains(h.Columns, column) {
			return fmt.Errorf("it has a column %q that the first line does not name", column)
		}
	}
	if len(e.Provenance) > MaxProvenance {
		return fmt.Errorf("%d givers before this one are more than %d", len(e.Provenance), MaxProvenance)
	}
	return e.checkKey()
}

// checkKey wants a key that can be used, and a certificate of the same key.
func (e *Entry) checkKey() error {
	key := e.PublicKey
	if len(e.Certificate) > 0 {
		cert, err := certificate.Parse(e.Certificate)
		if err != nil {
			return fmt.Errorf("its certificate: %w", err)
		}
		if key == nil {
			key = cert.RawSubjectPublicKeyInfo
		} else if !slices.Equal(key, cert.RawSubjectPublicKeyInfo) {
			return errors.New("its certificate is of another key")
		}
	}
	if len(key) == 0 {
		return errors.New("it has neither a public key nor a certificate")
	}
	pub, err := cms.ParsePublicKey(key)
	if err == nil {
		err = cms.CheckStrength(pub)
	}
	if err != nil {
		return fmt.Errorf("its public key: %s", strings.TrimPrefix(err.Error(), "cms: "))
	}
	return nil
}

// line is one line of the content.
func line(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	if len(b) >= MaxLine {
		return nil, fmt.Errorf("handover: a line of %d octets is longer than the %d of a hand-over", len(b), MaxLine)
	}
	return append(b, '\n'), nil
}
