package message

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// NewSecretSpool returns an empty spool for what was encrypted: what goes to its file is encrypted
// under a key that is in memory alone (AES-256 in counter mode), and its memory is wiped before
// others use it. max is that of NewSpool.
func NewSecretSpool(max int64) *Spool { return &Spool{max: max, secret: true} }

// lock makes the key of the file.
func (s *Spool) lock() error {
	if !s.secret {
		return nil
	}
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return fmt.Errorf("message: temporary file: %w", err)
	}
	s.cipher = block
	return nil
}

// append writes p at the end of the file. What is in memory stays as it is: a second attempt would
// write it decrypted.
func (s *Spool) append(p []byte) error {
	if s.cipher == nil {
		_, err := s.file.Write(p)
		return err
	}
	block := getBlock(fileBlock)
	defer putBlock(fileBlock, block)
	for off := s.flushed; len(p) > 0; {
		n := copy(*block, p)
		s.crypt((*block)[:n], off)
		if _, err := s.file.Write((*block)[:n]); err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// crypt encrypts or decrypts what stands at off in the file. Each octet of it is written once under
// its key, so that the counter is the place alone.
func (s *Spool) crypt(p []byte, off int64) {
	if s.cipher == nil {
		return
	}
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(off/aes.BlockSize))
	stream := cipher.NewCTR(s.cipher, counter[:])
	var skip [aes.BlockSize]byte
	stream.XORKeyStream(skip[:off%aes.BlockSize], skip[:off%aes.BlockSize])
	stream.XORKeyStream(p, p)
}
