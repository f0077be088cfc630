package evidence

import (
	"crypto/sha256"
	"io"
)

// Proof adds what proves a seal: a time-stamp token over digest, a signature over content. An
// error means that the file is not to be sealed so.
type Proof func(seal *Seal, digest [sha256.Size]byte, content io.ReaderAt) error
