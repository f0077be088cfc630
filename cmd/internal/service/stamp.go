package service

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"sync"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/receiver/evidence"
	"dnseal/receiver/evidence/timestamp"
)

const (
	// stampTime is how long a service may take: the end of a process waits for it.
	stampTime = 5 * time.Second
	// stampPause is how long one that gave no stamp is not asked again: a start can have many files
	// to seal.
	stampPause = time.Minute
)

// stamping has a service stamp seals.
type stamping struct {
	address string
	roots   []*x509.Certificate
	mu      sync.Mutex
	failed  time.Time
}

// stamper is the proof of [evidence] timestamp; nil: none is configured.
func stamper(c *config.Config) evidence.Proof {
	if c.Evidence.Timestamp == "" {
		return nil
	}
	s := &stamping{address: c.Evidence.Timestamp, roots: c.TimestampRoots()}
	return s.stamp
}

var errPause = errors.New("the time-stamping service gave no stamp a moment ago, and is not asked again at once")

func (s *stamping) stamp(seal *evidence.Seal, digest [sha256.Size]byte, _ io.ReaderAt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.failed) < stampPause {
		return errPause
	}
	ctx, cancel := context.WithTimeout(context.Background(), stampTime)
	defer cancel()
	token, err := timestamp.Request(ctx, s.address, digest, timestamp.RequestOptions{Roots: s.roots})
	if err != nil {
		s.failed = time.Now()
		return err
	}
	seal.Token = token
	return nil
}
