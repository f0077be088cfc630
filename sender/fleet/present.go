package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/sender/identity"
)

// present makes an event that enrolled an identity tell of the key that is in its folder now: a
// rollover replaces the one that was enrolled. It reports whether that key is revoked. Without a
// folder the inventory alone knows the key. Errors: what is in the folder cannot be read; reported
// is then whether the key that was enrolled is revoked.
func (inv *Inventory) present(e *Event) (revoked bool, err error) {
	if inv.Dir == "" {
		return false, nil
	}
	folder := filepath.Join(inv.Dir, identity.FolderName(e.Name))
	gone, err := identity.Revoked(folder)
	if err != nil {
		return false, err
	}
	if len(gone) == 0 && isCertified(folder, e.Key) {
		return false, nil
	}
	id, err := identity.LoadPublic(inv.Dir, e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return slices.Contains(gone, e.Key), nil
	}
	if err != nil {
		return slices.Contains(gone, e.Key), err
	}
	if id.KeyID() != e.Key {
		err = e.replace(id)
	}
	return slices.Contains(gone, id.KeyID()), err
}

// unreadable says what becomes of the record of an identity whose folder cannot be read.
func unreadable(e *Event, why error, revoked bool) error {
	what := "the zone file has the record of the key that was enrolled"
	if revoked {
		what = "its key that was enrolled is revoked, and the zone file has no record of it"
	}
	return identity.WithHint(fmt.Errorf("the folder of %s cannot be read (%w): %s", e.Name, why, what), "mend the folder, or retire the name")
}

// isPresent makes a change of the key that is in the folder of an identity, and reports whether it
// is to be published. A folder that cannot be read is told.
func (p *publishing) isPresent(n *noted) bool {
	before := n.event.Record
	revoked, err := p.inv.present(n.event)
	if err == nil && n.event.Record != before {
		n.change, err = changeOf(n.event)
	}
	if err != nil {
		p.fail(n.event.Name, Folder, err)
	}
	return err == nil && !revoked
}

// isGone reports whether a key was revoked, and not by this inventory: its record is not missed. A
// folder that cannot be read is told where the record would be sent.
func (p *publishing) isGone(n *noted) bool {
	revoked, err := p.inv.isRevoked(n.event.Name)
	return n.event.What == Enrolled && revoked && err == nil
}

// replace takes over another key, with a record in the form of the one before.
func (e *Event) replace(id *identity.Identity) error {
	r, err := parseRecord(e.Record)
	if err == nil {
		r, err = id.Record(r.Usage, r.Selector, r.MatchingType)
	}
	if err != nil {
		return fmt.Errorf("fleet: the record of %s: %w", e.Name, err)
	}
	e.Key, e.Record, e.NotAfter = id.KeyID(), recordText(r), time.Time{}
	if id.Certificate != nil {
		e.NotAfter = id.Certificate.NotAfter.UTC()
	}
	return nil
}

// isRevoked reports whether the key in the folder of an identity is revoked.
func (inv *Inventory) isRevoked(name string) (bool, error) {
	if inv.Dir == "" {
		return false, nil
	}
	gone, err := identity.Revoked(filepath.Join(inv.Dir, identity.FolderName(name)))
	if err != nil || len(gone) == 0 {
		return false, err
	}
	id, err := identity.LoadPublic(inv.Dir, name)
	return err == nil && slices.Contains(gone, id.KeyID()), err
}

// isCertified reports whether the first certificate in a folder is of a key, without more than one
// file being read: a million folders are looked at. Where it says no, more has to be.
func isCertified(folder, key string) bool {
	f, err := os.Open(filepath.Join(folder, "cert.pem"))
	if err != nil {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPublicKey))
	_ = f.Close() // only read
	block, _ := pem.Decode(text)
	if err != nil || block == nil || block.Type != "CERTIFICATE" {
		return false
	}
	spki := publicKeyIn(block.Bytes)
	sum := sha256.Sum256(spki)
	return spki != nil && hex.EncodeToString(sum[:8]) == key
}

// publicKeyIn is the SubjectPublicKeyInfo of a certificate (RFC 5280, Section 4.1); nil: it is
// none.
func publicKeyIn(der []byte) []byte {
	s := cryptobyte.String(der)
	var cert, tbs, spki cryptobyte.String
	if !s.ReadASN1(&cert, asn1.SEQUENCE) || !cert.ReadASN1(&tbs, asn1.SEQUENCE) {
		return nil
	}
	// Version, serial number, signature algorithm, issuer, validity, subject.
	if !tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || !tbs.SkipASN1(asn1.INTEGER) {
		return nil
	}
	for range 4 {
		if !tbs.SkipASN1(asn1.SEQUENCE) {
			return nil
		}
	}
	if !tbs.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return nil
	}
	return spki
}
