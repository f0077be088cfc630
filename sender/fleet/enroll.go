package fleet

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// EnrollOptions say what becomes of rows.
type EnrollOptions struct {
	Rows     *Rows
	Template *Template
	// NameKey is for a template with {hash(…)}: see [ReadNameKey].
	NameKey []byte
	// Dir is the directory of the identities, Keys one file of all keys. One of them is given, but
	// for public keys: without a Dir they stay in the table.
	Dir  string
	Keys *KeyFile
	// PublicKeyColumn is the column of public keys that others made: PEM, the base64 of DER, or the
	// path of a file in PublicKeys. Empty: keys are made.
	PublicKeyColumn string
	PublicKeys      *os.Root
	// Create says how keys and certificates are made.
	Create identity.CreateOptions
	// PKCS11 makes the URI of the key on a token; nil: keys are on none.
	PKCS11 *Template
	// Raw makes no certificates: for mail addresses alone.
	Raw bool
	// Form and TTL are those of the records.
	Form lifecycle.Form
	TTL  time.Duration
	// Asked says which of these somebody asked for: a row that was enrolled with another is told.
	Asked Asked
	// OtherNames says that names made by another template or name key than before are meant.
	OtherNames bool
	// Expect is about how many rows there are; 0: not known.
	Expect int
	// Zone gets the records; nil: it is written, or published, later.
	Zone *ZoneFile
	// Failed is told of each row that nothing became of, and Done how many rows are done with; nil:
	// nobody is. Both are called by one goroutine at a time.
	Failed func(*Failure)
	Done   func(n int)
	// Workers make keys at the same time; 0: as many as there are processors.
	Workers int
}

// Asked is what is not left to its default.
type Asked struct {
	TTL, Days, Algorithm, Form bool
}

// Enrollment is what became of a table.
type Enrollment struct {
	// Enrolled are new, There were enrolled before, Failed were told.
	Enrolled, There, Failed int
}

// Sizes of what is done together.
const (
	manyJobs = 256  // of one worker, for keys that are made in microseconds
	fewJobs  = 4    // for keys that take longer
	manySkip = 4096 // rows that were enrolled before
	aheadOf  = 16   // batches of one worker that wait while keys are brought to disk
)

// Enroll makes the identities of a table. Rows that an earlier run enrolled stay as they are; those
// of which nothing became are told by Failed, and the others go on. An identity counts from its
// line in the inventory on, which is written after its key is on disk. Where it ends early, what
// the inventory says is true, and the same call goes on there. Errors: the context's; a
// [*DamagedError]; [identity.ErrBusy] where identities are enrolled into Dir by another inventory;
// what the file system returned, such as a full disk; those of [EnrollOptions.Check].
func (inv *Inventory) Enroll(ctx context.Context, opts EnrollOptions) (sum Enrollment, err error) {
	e := &enrolling{EnrollOptions: opts, inv: inv, many: manyPending}
	if err = e.check(); err != nil {
		return sum, err
	}
	if opts.Dir != "" {
		// Another inventory can be over the same directory.
		unlock, busy := identity.LockFile(filepath.Join(opts.Dir, dirLock), opts.Dir)
		if busy != nil {
			return sum, busy
		}
		defer unlock()
	}
	if err = e.known(); err != nil {
		return sum, err
	}
	workers := cmp.Or(opts.Workers, runtime.GOMAXPROCS(0))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	work, ordered := make(chan *batch, aheadOf*workers), make(chan *batch, aheadOf*workers)
	group.Go(func() error {
		defer close(ordered)
		defer close(work)
		return e.read(ctx, work, ordered)
	})
	for range workers {
		group.Go(func() error {
			for b := range work {
				e.make(ctx, b)
				close(b.made)
			}
			return nil
		})
	}
	err = e.write(ordered)
	cancel() // after an error nobody reads on
	for b := range ordered {
		<-b.made
	}
	if first := group.Wait(); err == nil || first != nil && errors.Is(err, context.Canceled) {
		err = first // the table could not be read: the others were stopped for that
	}
	if err == nil {
		err = inv.note(Event{What: Ran, Count: e.sum.Enrolled, Failed: e.sum.Failed})
	}
	return e.sum, err
}

// dirLock is held while folders of a directory are made.
const dirLock = ".fleet.lock"

// enrolling is one call of Enroll.
type enrolling struct {
	EnrollOptions

	inv       *Inventory
	x         *index
	columns   []int // of which the name is made
	publicKey int   // column; -1: none
	holders   holders
	gone      retiredKeys // while it has holders
	sum       Enrollment
	many      int // identities are noted together
}

// check looks for what cannot work for any row.
func (e *enrolling) check() error {
	e.publicKey = -1
	switch places := btoi(e.Dir != "") + btoi(e.Keys != nil); {
	case places > 1:
		return errors.New("fleet: keys are in the directory of the identities or in one file, not in both")
	case places == 0 && e.PublicKeyColumn == "":
		return identity.WithHint(errors.New("fleet: there is no place for the keys"), "give --identities DIR, or --key-file FILE")
	case (e.Template.NeedsKey() || e.PKCS11 != nil && e.PKCS11.NeedsKey()) && len(e.NameKey) == 0:
		return identity.WithHint(errors.New("fleet: {hash(…)} needs a key"), "give --name-key FILE; with --new-name-key the file is made")
	case e.PublicKeyColumn != "" && e.Keys != nil:
		return errOthersKeys
	}
	if err := e.Check(); err != nil {
		return err
	}
	if e.PublicKeyColumn != "" {
		if e.publicKey = slices.Index(e.Rows.Columns, e.PublicKeyColumn); e.publicKey < 0 {
			return fmt.Errorf("fleet: the table has no column %q of public keys", clip(e.PublicKeyColumn))
		}
	}
	if e.columns = e.Template.columns(); e.Template.IsRandom() {
		e.columns = e.columns[:0]
		for i := range e.Rows.Columns {
			if i != e.publicKey {
				e.columns = append(e.columns, i)
			}
		}
	}
	if e.PublicKeyColumn == "" {
		e.Create.Certify = e.certify()
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// batch is what one worker does at a time.
type batch struct {
	jobs  []job
	there int           // rows before it that were enrolled already
	made  chan struct{} // closed when the worker is done
}

// job is one row, and what becomes of it.
type job struct {
	row     Row
	name    string
	kind    identity.Kind
	half    *identity.Identity // of a public key
	failure *Failure

	line, key, zone []byte // of the inventory, the file of keys, the zone file
	fatal           error  // not about this row
}

// read makes jobs of rows.
func (e *enrolling) read(ctx context.Context, work, ordered chan<- *batch) error {
	size := manyJobs
	if a := e.Create.Algorithm; e.PKCS11 != nil || e.Create.TPM || a != "" && a != identity.DefaultAlgorithm && a != "ed25519" {
		size = fewJobs
	}
	for ended := false; !ended; {
		b := &batch{made: make(chan struct{})}
		for len(b.jobs) < size && b.there < manySkip && !ended {
			row, err := e.Rows.Next()
			failure, _ := errors.AsType[*Failure](err)
			switch {
			case failure != nil:
				b.jobs = append(b.jobs, job{failure: failure})
			case err != nil:
				if ended = true; !isEOF(err) {
					return fmt.Errorf("fleet: the table: %w", err)
				}
			default:
				e.plan(b, row)
			}
		}
		for _, to := range []chan<- *batch{work, ordered} {
			select {
			case to <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// certify makes certificates without reading again what was just written; nil: [identity.Make] has
// its own way.
func (e *enrolling) certify() func(*identity.Identity) (*x509.Certificate, error) {
	a := e.Create.Algorithm
	switch {
	case e.Raw:
		return func(*identity.Identity) (*x509.Certificate, error) { return nil, nil }
	case e.Create.Certify != nil:
		certify := e.Create.Certify
		return func(id *identity.Identity) (*x509.Certificate, error) {
			cert, err := certify(id)
			if err != nil {
				err = fmt.Errorf("%w: %w", errCertify, err)
			}
			return cert, err
		}
	case (a == "" || a == identity.DefaultAlgorithm) && e.PKCS11 == nil && !e.Create.TPM:
		return e.selfSigned
	}
	return nil
}
