package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/progress"
	"dnseal/cmd/internal/status"
	"dnseal/lookup/publish"
	"dnseal/sender/fleet"
	"dnseal/sender/identity"
)

// Output is where records go: exactly one of a zone file, dynamic updates and a database.
type Output struct {
	ZoneFile, ZoneHeader string
	Publish              bool
	Postgres             string
	// Updates are the flags of the DNS.
	Updates dnsflags.Publish
	Stderr  io.Writer

	publisher interface {
		publish.Publisher
		fleet.Reader
	}
	batch int
	close func() error
}

// databaseBatch is how many names one transaction of the database has.
const databaseBatch = 10_000

// open opens what publishes; a zone file needs nothing.
func (o *Output) open() error {
	o.close = func() error { return nil }
	ways := 0
	for _, given := range []bool{o.ZoneFile != "", o.Publish, o.Postgres != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return cli.Hint(errors.New("records go one way"), "give one of --zone-file FILE, --publish and --postgres URL")
	case o.ZoneHeader != "" && o.ZoneFile == "":
		return errors.New("--zone-header needs --zone-file")
	case o.Postgres != "":
		client, closing, err := o.Updates.OpenPostgres(o.Postgres)
		if err != nil {
			return err
		}
		o.publisher, o.close, o.batch = client, closing, databaseBatch
	case o.Publish:
		p, err := o.Updates.Open()
		if err != nil {
			return err
		}
		client, ok := p.Publisher.(*publish.Client)
		if !ok {
			return errors.Join(cli.Hint(errors.New("[publish] in --config names a zone file"), "give --zone-file FILE, or --server HOST to send updates"), p.Close())
		}
		o.publisher, o.close = client, p.Close
	}
	return nil
}

// check looks, before anything is done, whether what is written may be: no two of the files are
// one, and the zone file is none that the inventory did not write.
func (o *Output) check(inventory *Inventory, files ...named) error {
	path, err := inventory.path()
	if err != nil {
		return err
	}
	if err = apart(append(files, named{"--inventory", path}, named{"--zone-header", o.ZoneHeader}, named{"--zone-file", o.ZoneFile})...); err != nil || o.ZoneFile == "" {
		return err
	}
	return fleet.CheckZoneFile(path, o.ZoneFile)
}

// begin begins the zone file, where there is one. Folders that cannot be read are told.
func (o *Output) begin(inv *fleet.Inventory, failures *Failures) (*fleet.ZoneFile, error) {
	if o.ZoneFile == "" {
		return nil, nil //nolint:nilnil // none
	}
	inv.Failed = failures.Tell
	var head []byte
	if o.ZoneHeader != "" {
		f, err := cli.Open(o.ZoneHeader)
		if err != nil {
			return nil, fmt.Errorf("--zone-header: %w", err)
		}
		defer f.Close() //nolint:errcheck // only read
		if head, err = io.ReadAll(io.LimitReader(f, fleet.MaxZoneHead+1)); err != nil {
			return nil, fmt.Errorf("--zone-header: %w", err)
		}
		if len(head) > fleet.MaxZoneHead {
			return nil, fmt.Errorf("--zone-header: %s is larger than %d octets", o.ZoneHeader, fleet.MaxZoneHead)
		}
	}
	return inv.BeginZoneFile(o.ZoneFile, head)
}

// finish brings the records to where they go.
func (o *Output) finish(ctx context.Context, inv *fleet.Inventory, z *fleet.ZoneFile, failures *Failures) error {
	if z != nil {
		count, err := z.Commit()
		if err == nil {
			cli.Print(o.Stderr, "dnseal: %s has %s", o.ZoneFile, plural(count, "record"))
		}
		return err
	}
	return o.publish(ctx, inv, failures)
}

// publish sends records, and says what was seen of them.
func (o *Output) publish(ctx context.Context, inv *fleet.Inventory, failures *Failures) error {
	bar := progress.New(o.Stderr, "records")
	failures.clear = bar.Clear
	if s, err := inv.Status(0); err != nil {
		return err
	} else if bar != nil {
		bar.Expect(s.Active - s.Updated + s.Waiting)
	}
	sum, err := inv.Publish(ctx, fleet.PublishOptions{
		Publisher: o.publisher, Reader: o.publisher, Batch: o.batch,
		Failed: failures.Tell, Done: bar.Done, Waiting: o.waiting(bar, time.Now),
	})
	bar.Clear()
	if sum.Published+sum.Withdrawn > 0 || err == nil {
		cli.Print(o.Stderr, "dnseal: %s", published(&sum))
	}
	if err == nil {
		return nil
	}
	if o.undone(inv); ctx.Err() != nil {
		cli.Print(o.Stderr, "dnseal: hint: run this again: it goes on where it was")
		return err
	}
	return goOn(o.Stderr, err)
}

// goOn tells an error after which the same command goes on, and returns the exit status for it.
func goOn(stderr io.Writer, err error) error {
	err = cli.Hint(err, "%srun this again: it goes on where it was", hintOf(err))
	code := status.Code(err)
	if code == cli.ExitUsage {
		return err
	}
	cli.Print(stderr, "dnseal: error: %s", cli.Plain(err))
	cli.Print(stderr, "dnseal: hint: %s", identity.Hint(err))
	return code
}

// undone says what is still to be sent.
func (o *Output) undone(inv *fleet.Inventory) {
	s, err := inv.Status(0)
	updates, _, _, e := inv.Waiting()
	if err == nil && e == nil && s.Active-s.Updated+updates > 0 {
		cli.Print(o.Stderr, "dnseal: %s not published yet, %d not withdrawn yet", plural(s.Active-s.Updated, "record"), updates)
	}
}

// published says what was done, and no more of name servers than they said.
func published(sum *fleet.Publication) string {
	text := fmt.Sprintf("published %s, withdrew %d", plural(sum.Published, "record"), sum.Withdrawn)
	if sum.Lost > 0 {
		text += fmt.Sprintf(" (%d of them again: no name server had it as noted before)", sum.Lost)
	}
	switch {
	case sum.Sampled == 0 && sum.Published+sum.Withdrawn == 0:
		return text
	case sum.Sampled == 0:
		return text + "; what name servers show is not known"
	case sum.Servers == 1 && sum.Served():
		return text + fmt.Sprintf("; the one name server asked shows %s", ofSample(sum.Sampled))
	}
	return text + fmt.Sprintf("; %d of %d name servers asked show %s", sum.Showing, sum.Servers, ofSample(sum.Sampled))
}

func ofSample(n int) string {
	if n == 1 {
		return "the 1 name sampled"
	}
	return fmt.Sprintf("all %d names sampled", n)
}

// patience is how long nothing is said while name servers are waited for, and sameAgain how long
// until the same is said once more.
const (
	patience  = 5 * time.Second
	sameAgain = 30 * time.Second
)

// waiting tells a person what is waited for, not often.
func (o *Output) waiting(bar *progress.Bar, now func() time.Time) func(*publish.Refusal) {
	var last time.Time
	said := ""
	return func(r *publish.Refusal) {
		at := now()
		if last.IsZero() {
			last = at
		}
		if past := at.Sub(last); past >= sameAgain || past >= patience && r.Text != said {
			last, said = at, r.Text
			bar.Clear()
			cli.Print(o.Stderr, "dnseal: waiting: %s", cli.Printable(r.Text))
		}
	}
}

// hintOf is the hint that an error has, to be followed by another.
func hintOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok && h.Hint() != "" {
		return h.Hint() + "; then "
	}
	return ""
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case what == "identity":
		return fmt.Sprintf("%d identities", n)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lines is about how many rows a file has; 0 where that is not known.
func lines(f io.Reader) int {
	file, ok := f.(*os.File)
	if !ok {
		return 0
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	n, last := 0, byte('\n')
	part := make([]byte, 64<<10)
	for {
		have, ended := file.Read(part)
		for _, c := range part[:have] {
			if c == '\n' {
				n++
			}
			last = c
		}
		if ended != nil {
			break
		}
	}
	if last != '\n' {
		n++
	}
	if _, err = file.Seek(0, io.SeekStart); err != nil {
		return 0
	}
	return n
}
