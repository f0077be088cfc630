package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/pkcs11"
	"dnseal/sender/identity/tpm"
)

var errOthersKeys = errors.New("fleet: keys that others made are on no token here, and in no file of private keys")

// Check returns an error, with a hint where it helps, for options by which no row can become an
// identity: an algorithm that is none, a token or TPM that is not there, a wrong PIN, records that
// keys without certificate cannot have. No key is made that stays. Rows, Dir, Keys and Zone do not
// count.
func (o *EnrollOptions) Check() error {
	onToken := o.PKCS11 != nil || o.Create.TPM
	switch {
	case o.PublicKeyColumn != "" && (onToken || o.Create.Certify != nil && o.Raw):
		return errOthersKeys
	case o.Raw && o.Create.Certify != nil:
		return errors.New("fleet: a CA certifies, and no certificates are wanted")
	case o.PKCS11 != nil && o.Create.TPM:
		return errors.New("fleet: a key is on a PKCS #11 token or in the TPM, not in both")
	case o.Raw && !o.Template.isMail():
		return identity.WithHint(errors.New("fleet: without certificate only mail is signed, and the template makes no mail addresses"), "leave --no-certificate out")
	case o.PublicKeyColumn != "":
		return nil
	case o.Create.Algorithm != "" && !slices.Contains(identity.Algorithms(), o.Create.Algorithm):
		return identity.WithHint(fmt.Errorf("fleet: there is no algorithm %q of a key", clip(o.Create.Algorithm)), "use one of %s", strings.Join(identity.Algorithms(), ", "))
	case o.PKCS11 != nil:
		if err := o.checkToken(); err != nil {
			return err
		}
	case o.Create.TPM:
		algorithm := o.Create.Algorithm
		if algorithm == "" {
			algorithm = identity.DefaultAlgorithm
		}
		if _, _, err := tpm.Create(strings.TrimSuffix(algorithm, "-pss"), tpm.Options{Auth: o.Create.Passphrase}); err != nil {
			return fmt.Errorf("fleet: the TPM: %w", err) // what was made is nowhere
		}
	}
	return o.checkForm()
}

// checkToken looks for a key that no row has: a token that answers says that it is not there.
func (o *EnrollOptions) checkToken() error {
	sample := make([]string, maxColumns)
	for i := range sample {
		sample[i] = strings.Repeat("0", maxSample)
	}
	text, err := o.PKCS11.expand(sample, "sample.example", o.NameKey, newPseudonym())
	if err != nil {
		return nil //nolint:nilerr // rows may have what the sample has not
	}
	uri, err := pkcs11.ParseURI(text)
	if err == nil {
		_, err = pkcs11.Open(uri, pkcs11.Options{PIN: o.Create.Passphrase})
	}
	if err != nil && !errors.Is(err, pkcs11.ErrNotFound) {
		return fmt.Errorf("fleet: --pkcs11: %w", err)
	}
	return nil
}

// maxSample is as long as a label.
const maxSample = 63

// checkForm looks for records that the keys made here cannot have (RFC 6698, Section 2.1).
func (o *EnrollOptions) checkForm() error {
	ofCA := o.Form.Usage == dane.PKIXTA || o.Form.Usage == dane.DANETA
	switch {
	case ofCA && o.Create.Certify == nil:
		return identity.WithHint(fmt.Errorf("fleet: usage %d is of the CA that certifies, and there is none", o.Form.Usage), "use usage 3, or give --ca")
	case o.Raw && (o.Form.Usage != dane.DANEEE || o.Form.Selector != dane.PublicKey):
		return identity.WithHint(errors.New("fleet: keys without certificate are published with usage 3 and selector 1"), "use 3 1 0, so that the record carries the key")
	}
	return nil
}

// isMail reports whether the names are mail addresses: no value of a column has the sign in it.
func (t *Template) isMail() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return strings.Contains(p.text, "@") })
}
