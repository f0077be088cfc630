package enveloped

import (
	"encoding/asn1"
	"errors"
	"fmt"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/algorithm"
)

func unsupported(format string, args ...any) error {
	return &UnsupportedError{Algorithm: fmt.Sprintf(format, args...)}
}

// errFailed is any failure to open a content-encryption key. It becomes ErrDecrypt.
var errFailed = errors.New("enveloped: failed")

// contentTypeError is for a ContentInfo of another type.
func contentTypeError(contents string) error {
	return &cms.ContentTypeError{Type: objectIdentifier(contents), Wanted: "enveloped-data"}
}

func objectIdentifier(contents string) asn1.ObjectIdentifier {
	return algorithm.ObjectIdentifier(contents)
}
