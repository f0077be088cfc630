//go:build !cgo || !pkcs11

package pkcs11

import "context"

// Built says whether this program has PKCS #11.
const Built = false

// Open returns ErrNotBuilt: see the package documentation.
func Open(URI, Options) (*Key, error) { return nil, errNotBuilt }

// Generate returns ErrNotBuilt: see the package documentation.
func Generate(URI, string, Options) (*Key, error) { return nil, errNotBuilt }

// Close does nothing.
func Close(context.Context) error { return nil }

var errNotBuilt = withHint(ErrNotBuilt, "build it with -tags pkcs11 and cgo: make build TAGS=pkcs11")
