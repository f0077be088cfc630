package identity

import "crypto"

// tokenKey returns the key that a key file names and does not hold: of formPKCS11 contents is the
// URI (RFC 7512), of formTPM it is the DER of the block "TSS2 PRIVATE KEY". It signs where it is.
func tokenKey(form fileForm, _ []byte, _ *secrets) (crypto.Signer, error) {
	return nil, form.foreign()
}
