package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/pkcs8"
	"dnseal/sender/identity/tbs"
	"dnseal/smime/certificate"
)

// defaultDays are those of [identity.Create].
const defaultDays = 3650

// make makes the identities of a batch.
func (e *enrolling) make(ctx context.Context, b *batch) {
	now := e.inv.now()
	for i := range b.jobs {
		j := &b.jobs[i]
		if j.failure != nil {
			continue
		}
		if j.fatal = ctx.Err(); j.fatal == nil {
			e.makeOne(j, now)
		}
		if j.fatal != nil {
			return
		}
	}
}

func (e *enrolling) makeOne(j *job, now time.Time) {
	id, failure := e.identity(j, now)
	if failure == nil && e.Dir != "" {
		id, failure, j.fatal = e.store(j, id)
	} else if failure == nil && e.Keys != nil {
		failure = e.keyText(j, id)
	}
	if failure == nil && j.fatal == nil {
		failure = e.lines(j, id, now)
	}
	j.failure = failure
}

// identity makes the key and its certificate, or reads the public half.
func (e *enrolling) identity(j *job, now time.Time) (*identity.Identity, *Failure) {
	if e.publicKey >= 0 {
		return j.half, nil
	}
	opts := e.Create
	opts.Now = now
	if e.PKCS11 != nil {
		uri, err := e.PKCS11.expand(j.row.Values, j.name, e.NameKey, "")
		if err != nil {
			return nil, &Failure{Line: j.row.Line, Name: j.name, Code: BadValue, Err: err}
		}
		opts.PKCS11 = uri
	}
	id, err := identity.Make(j.name, opts)
	if err != nil {
		code := BadKey
		if errors.Is(err, errCertify) {
			code = Certificate
		}
		return nil, &Failure{Line: j.row.Line, Name: j.name, Code: code, Err: err}
	}
	return id, e.comesBack(j, id)
}

// errCertify marks that a certificate could not be made.
var errCertify = errors.New("it could not be certified")

// selfSigned is the certificate that [identity.Create] makes of a P-256 key, not parsed again.
func (e *enrolling) selfSigned(id *identity.Identity) (*x509.Certificate, error) {
	days := e.Create.Days
	if days == 0 {
		days = defaultDays
	}
	cert, err := identity.CertificateTemplate(id.Kind, id.Name, id.Public, e.inv.now(), days)
	if err != nil {
		return nil, err
	}
	key, ok := id.Key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("fleet: a key of %T is no P-256 key", id.Key)
	}
	if cert.RawSubjectPublicKeyInfo, ok = pkcs8.MarshalP256Public(&key.PublicKey); !ok {
		return nil, errors.New("fleet: a key on another curve is no P-256 key")
	}
	cert.Raw, err = tbs.SelfSign(cert, cert.RawSubjectPublicKeyInfo, key)
	return cert, err
}

// half reads the public key of a row.
func (e *enrolling) half(j *job) (*identity.Identity, *Failure) {
	data, err := PublicKeyText(e.PublicKeyColumn, j.row.Values[e.publicKey], e.PublicKeys)
	var id *identity.Identity
	if err == nil {
		id, err = identity.ReadPublic(j.name, data)
	}
	if err == nil && j.kind != identity.Mail && id.Certificate == nil && e.Form.Usage != 3 {
		err = errors.New("a public key without certificate is published with usage 3")
	}
	if err != nil {
		return nil, &Failure{Line: j.row.Line, Name: j.name, Code: BadKey, Err: err}
	}
	return id, nil
}

// keyText is what the file of keys gets.
func (e *enrolling) keyText(j *job, id *identity.Identity) *Failure {
	key, cert, err := id.Files(e.passphrase())
	if err != nil {
		return &Failure{Line: j.row.Line, Name: j.name, Code: BadKey, Err: err}
	}
	j.key = make([]byte, 0, len(j.name)+len(key)+len(cert)+3)
	j.key = append(append(append(append(j.key, "# "...), j.name...), '\n'), key...)
	j.key = append(j.key, cert...)
	return nil
}

// passphrase encrypts the key; that of a token is a PIN.
func (e *enrolling) passphrase() string {
	if e.PKCS11 != nil || e.Create.TPM {
		return ""
	}
	return e.Create.Passphrase
}

// store writes the folder, or takes over the one that is there: the identity is that of the folder.
func (e *enrolling) store(j *job, id *identity.Identity) (*identity.Identity, *Failure, error) {
	fail := func(code Code, err error) (*identity.Identity, *Failure, error) {
		return nil, &Failure{Line: j.row.Line, Name: j.name, Code: code, Err: err}, nil
	}
	key, cert, err := id.Files(e.passphrase())
	if err != nil {
		return fail(BadKey, err)
	}
	if err = identity.StoreUnsynced(e.Dir, j.name, key, cert); err == nil {
		return id, nil, nil
	}
	if errors.Is(err, fs.ErrExist) {
		there, e2 := e.takeOver(j.name, id)
		if errors.Is(e2, errEmpty) { // as a power failure leaves it
			e2 = os.RemoveAll(filepath.Join(e.Dir, identity.FolderName(j.name)))
			if e2 == nil {
				e2 = identity.StoreUnsynced(e.Dir, j.name, key, cert)
			}
			there = id
		}
		if e2 != nil {
			return fail(Folder, e2)
		}
		return there, nil, nil
	}
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return fail(Folder, err)
	}
	return nil, nil, err
}

// errEmpty says that a folder has no key, and nothing else that could be missed.
var errEmpty = errors.New("the folder is empty")

// takeOver uses the folder that is there: that of a run which ended before it could note it, or one
// that somebody made. A key is never overwritten.
func (e *enrolling) takeOver(name string, made *identity.Identity) (*identity.Identity, error) {
	there, err := identity.Loader{}.Load(e.Dir, name)
	locked := errors.Is(err, identity.ErrLocked)
	if locked {
		if there, err = identity.LoadPublic(e.Dir, name); err == nil {
			err = isRevokedThere(there)
		}
	}
	switch {
	case err != nil && isEmpty(filepath.Join(e.Dir, identity.FolderName(name))):
		return nil, errEmpty
	case err != nil:
		return nil, err
	case e.publicKey >= 0 && there.KeyID() != made.KeyID():
		return nil, identity.WithHint(fmt.Errorf("its folder is there with another key, in %s", there.KeyFile), "a key in use is never overwritten: move the folder away, or see which is right")
	case e.publicKey < 0 && there.Key == nil && !locked:
		return nil, fmt.Errorf("its folder is there with the public key alone, in %s", there.KeyFile)
	}
	return there, nil
}

// isRevokedThere returns an error for a key that its folder says is revoked. Who opens the key
// finds that out; nobody opens one that is locked.
func isRevokedThere(id *identity.Identity) error {
	revoked, err := identity.Revoked(filepath.Dir(id.KeyFile))
	if err == nil && slices.Contains(revoked, id.KeyID()) {
		err = fmt.Errorf("its folder is there, and %w", identity.ErrRevoked)
	}
	return err
}

// isEmpty reports whether a folder has nothing but empty files of a new identity.
func isEmpty(folder string) bool {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		info, err := entry.Info()
		known := entry.Name() == "key.pem" || entry.Name() == "cert.pem"
		if err != nil || !known || !info.Mode().IsRegular() || info.Size() > 0 && entry.Name() == "key.pem" {
			return false
		}
	}
	return true
}

// lines are what the inventory and the zone file get.
func (e *enrolling) lines(j *job, id *identity.Identity, now time.Time) *Failure {
	record, err := id.Record(e.Form.Usage, e.Form.Selector, e.Form.Matching)
	if err != nil {
		return &Failure{Line: j.row.Line, Name: j.name, Code: BadKey, Err: err}
	}
	event := Event{Time: now, What: Enrolled, Name: j.name, Line: j.row.Line, Row: e.rowOf(j), Key: id.KeyID(), Record: recordText(record), TTL: int64(e.TTL / time.Second), Days: e.Create.Days}
	if e.publicKey < 0 {
		event.Algorithm = e.algorithm()
	}
	if id.Certificate != nil {
		event.NotAfter = id.Certificate.NotAfter.UTC()
		// One that was just signed by its own key is not parsed.
		event.CA = len(id.Certificate.RawIssuer) > 0 && !certificate.SelfIssued(id.Certificate)
	}
	if j.line, err = event.append(nil); err == nil && e.Zone != nil {
		j.zone, err = event.appendZoneLine(nil)
	}
	if err != nil {
		return &Failure{Line: j.row.Line, Name: j.name, Code: BadName, Err: err}
	}
	return nil
}

// rowOf has all columns but the public key.
func (e *enrolling) rowOf(j *job) map[string]string {
	row := make(map[string]string, len(j.row.Values))
	for i, v := range j.row.Values {
		if i != e.publicKey {
			row[e.Rows.Columns[i]] = v
		}
	}
	return row
}
