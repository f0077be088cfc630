package verify

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/receiver/evidence"
	"dnseal/receiver/evidence/timestamp"
)

// stamps are --timestamp and --timestamp-roots.
type stamps struct {
	service, rootsFile string
	roots              []*x509.Certificate
}

func (s *stamps) register(flags *pflag.FlagSet) {
	flags.StringVar(&s.service, "timestamp", "", "with --save-evidence: have a service at `URL` (RFC 3161) stamp it: when it was made")
	flags.StringVar(&s.rootsFile, "timestamp-roots", "", "PEM `FILE` of roots of time-stamping authorities that are believed")
}

// check reads the roots, and refuses flags that do not belong together.
func (s *stamps) check(saves, recalls bool) (err error) {
	switch {
	case s.service != "" && !saves:
		return errors.New("--timestamp needs --save-evidence DIR: that is what is stamped")
	case s.rootsFile != "" && !saves && !recalls:
		return errors.New("--timestamp-roots needs --evidence, or --save-evidence with --timestamp")
	case s.service != "":
		if err = timestamp.CheckURL(s.service); err != nil {
			return cli.Hint(err, "such as --timestamp http://tsa.example.net/")
		}
	}
	if s.rootsFile != "" {
		s.roots, err = config.ReadRoots(s.rootsFile)
	}
	return err
}

// proof has the service stamp a file of evidence; nil where none is named. Without an answer the
// evidence is kept without a stamp, because what the DNS said now cannot be had again, and failed
// is told.
func (s *stamps) proof(ctx context.Context, failed func(error)) evidence.Proof {
	if s.service == "" {
		return nil
	}
	return func(seal *evidence.Seal, digest [sha256.Size]byte, _ io.ReaderAt) error {
		token, err := timestamp.Request(ctx, s.service, digest, timestamp.RequestOptions{Roots: s.roots})
		if err != nil {
			failed(cli.Hint(fmt.Errorf("no time stamp: %s", cli.Plain(err)), "the evidence is kept without one: nothing but its own word says when it was made"))
			return nil
		}
		seal.Token = token
		return nil
	}
}

// Witness checks the time stamps of evidence by roots, for [evidence.Options]. Without roots none
// counts, and that is said.
func Witness(ctx context.Context, roots []*x509.Certificate) func(*evidence.Seal, io.Reader) (string, time.Time, error) {
	return (&stamps{roots: roots}).witness(ctx)
}

// exact is the accuracy of a time stamp up to which its time is shown alone.
const exact = time.Minute

// witness finds out whether a token proves the time of a seal.
func (s *stamps) witness(ctx context.Context) func(*evidence.Seal, io.Reader) (string, time.Time, error) {
	return func(seal *evidence.Seal, _ io.Reader) (by string, at time.Time, err error) {
		if len(seal.Token) == 0 {
			return "", time.Time{}, nil
		}
		if len(s.roots) == 0 {
			return "", time.Time{}, errors.New("it has a time stamp, and no --timestamp-roots to check it by")
		}
		digest, err := hex.DecodeString(seal.SHA256)
		if err != nil || len(digest) != sha256.Size {
			return "", time.Time{}, errors.New("its seal holds no digest")
		}
		t, err := timestamp.Verify(ctx, seal.Token, [sha256.Size]byte(digest), s.roots, time.Now())
		if err != nil {
			return "", time.Time{}, errors.New(cli.Plain(err))
		}
		by = "the time stamp of " + t.Signer.Subject.String()
		if t.Accuracy > exact {
			by += fmt.Sprintf(" (to within %s)", t.Accuracy)
		}
		return by, t.Time, nil
	}
}
