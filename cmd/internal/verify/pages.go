package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/receiver/page"
	"dnseal/smime/message"
)

// Pages is a sink that writes a page for each message: into one file where there is one message, or
// into a folder, with an index. The workers make the pages, and write those of a folder, which get
// their names in the order of the messages. What goes wrong with the files is the error of Close:
// the verdicts stand.
type Pages struct {
	target string
	stdout io.Writer

	mu     sync.Mutex
	made   map[*receiver.Report]*made // not yet in order
	folder string                     // "" for a file, and as long as it may be one
	fixed  bool                       // a file was named, whatever comes
	failed error

	// By Write and Close alone.
	first   *made
	entries []page.Entry
}

// made is a page: in memory, or in a file that has no name yet.
type made struct {
	entry page.Entry
	html  []byte
	alone []byte // without a link to an index
	temp  string
}

const (
	indexFile  = "index.html"
	stdoutName = "-"
)

// newPages returns the sink for the value of --html: "-" is stdout; a folder is one that is there,
// ends in a slash, or becomes one at the second message where its name does not end in ".html".
// Errors name what cannot be written to.
func newPages(target string, stdout io.Writer) (*Pages, error) {
	p := &Pages{target: target, stdout: stdout, made: map[*receiver.Report]*made{}}
	info, err := os.Stat(target)
	ext := strings.ToLower(filepath.Ext(target))
	switch {
	case target == "":
		return nil, errors.New("--html needs the name of a file or folder")
	case target == stdoutName:
		p.fixed = true
		return p, nil
	case err == nil && info.IsDir(), os.IsPathSeparator(target[len(target)-1]):
		if err = replaceable(filepath.Join(target, indexFile)); err != nil {
			return nil, err
		}
		return p, p.intoFolder()
	}
	p.fixed = err == nil || ext == ".html" || ext == ".htm"
	if info, err = os.Stat(filepath.Dir(target)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("--html %s: there is no folder %s", target, filepath.Dir(target))
	}
	return p, replaceable(target)
}

// replaceable returns an error for a file that is there and is no page: a message, for one, whose
// name stands where that of the page was meant.
func replaceable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // it is not there, or writing it will fail
	}
	if info.Mode().IsRegular() {
		head := make([]byte, 1<<10)
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		n, _ := io.ReadFull(f, head)
		_ = f.Close() // only read from
		if n == 0 || page.IsPage(head[:n]) {
			return nil
		}
	}
	return cli.Hint(fmt.Errorf("--html %s: there is such a file, and it is no page that dnseal wrote", path), "name another, or remove it; - is standard output")
}

// intoFolder makes the folder.
func (p *Pages) intoFolder() error {
	if err := os.MkdirAll(p.target, 0o700); err != nil { // pages hold mail
		return fmt.Errorf("--html: %w", err)
	}
	p.mu.Lock()
	p.folder = p.target
	p.mu.Unlock()
	return nil
}

// Read makes the page of a message.
func (p *Pages) Read(ctx context.Context, m *message.Message, r *receiver.Report) error {
	folder, failed := p.state()
	if failed != nil {
		return nil
	}
	d, err := p.make(ctx, m, r, folder)
	if err != nil {
		return err
	}
	if folder != "" {
		if err := d.save(folder); err != nil {
			p.fail(err)
			return nil
		}
	}
	p.mu.Lock()
	p.made[r] = d
	p.mu.Unlock()
	return nil
}

// make makes a page in the forms that may be needed.
func (p *Pages) make(ctx context.Context, m *message.Message, r *receiver.Report, folder string) (*made, error) {
	d := &made{entry: page.EntryOf(r, "")}
	if folder == "" {
		var html bytes.Buffer
		if err := page.Write(ctx, &html, r, m, page.Options{}); err != nil {
			return nil, err
		}
		d.alone = html.Bytes()
	}
	if p.fixed {
		return d, nil
	}
	var html bytes.Buffer
	err := page.Write(ctx, &html, r, m, page.Options{Up: indexFile})
	d.html = html.Bytes()
	return d, err
}

func (p *Pages) state() (folder string, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.folder, p.failed
}

// fail keeps the first error.
func (p *Pages) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

// Write gives the page of a message its name.
func (p *Pages) Write(r *receiver.Report) error {
	p.mu.Lock()
	d := p.made[r]
	delete(p.made, r)
	folder, failed := p.folder, p.failed
	p.mu.Unlock()
	switch {
	case d == nil: // it could not be made, which was reported
	case failed != nil:
		d.discard()
	case folder != "":
		p.note(p.name(d))
	case p.first == nil:
		p.first = d
	case p.fixed:
		p.fail(cli.Hint(fmt.Errorf("--html %s is one file, and there is more than one message", p.target), "name a folder: its name ends in a slash"))
	default:
		err := p.intoFolder()
		if err == nil {
			err = errors.Join(p.name(p.first), p.name(d))
		}
		p.note(err)
	}
	return nil
}

// note keeps an error, if it is one.
func (p *Pages) note(err error) {
	if err != nil {
		p.fail(err)
	}
}

// name moves a page of the folder to its name: a number, and what is plain in the name of the
// message, so that no two are the same and none leads out of the folder.
func (p *Pages) name(d *made) error {
	if d.temp == "" {
		if err := d.save(p.target); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("%06d-%s.html", len(p.entries)+1, plainName(d.entry.File))
	if err := os.Rename(d.temp, filepath.Join(p.target, name)); err != nil {
		d.discard()
		return unwritten(p.target, err)
	}
	d.entry.Link = name
	p.entries = append(p.entries, d.entry)
	return nil
}

// plainName is what may stand in the name of a file anywhere, of the last part of a name.
func plainName(name string) string {
	const most = 60
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, name)
	return strings.Trim(plain[max(0, len(plain)-most):], ".-")
}

// Close writes the page of one message, or the index.
func (p *Pages) Close() error {
	for _, d := range p.made { // the run ended before their turn
		d.discard()
	}
	folder, failed := p.state()
	switch {
	case failed != nil:
		return failed
	case folder != "" && len(p.entries) > 0:
		var html bytes.Buffer
		if err := page.WriteIndex(&html, p.entries, page.Options{}); err != nil {
			return err
		}
		return replace(filepath.Join(folder, indexFile), html.Bytes())
	case folder != "" || p.first == nil:
		return nil
	case p.target == stdoutName:
		_, err := p.stdout.Write(p.first.alone)
		return err
	}
	return replace(p.target, p.first.alone)
}

// save writes the page to a file of the folder that has no name yet.
func (d *made) save(folder string) (err error) {
	d.temp, err = saveTemp(folder, d.html, false)
	d.html, d.alone = nil, nil
	return unwritten(folder, err)
}

func (d *made) discard() {
	if d.temp != "" {
		_ = os.Remove(d.temp)
	}
}

// saveTemp writes a new file and returns its name; after an error there is none. synced has it wait
// for the disk, which for each of many pages would take most of the time.
func saveTemp(folder string, html []byte, synced bool) (string, error) {
	f, err := os.CreateTemp(folder, ".dnseal-*.new")
	if err != nil {
		return "", err
	}
	_, err = f.Write(html)
	if err == nil && synced {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// replace puts a file in its place whole.
func replace(path string, html []byte) error {
	temp, err := saveTemp(filepath.Dir(path), html, true)
	if err == nil {
		if err = os.Rename(temp, path); err != nil {
			_ = os.Remove(temp)
		}
	}
	return unwritten(path, err)
}

// unwritten says what was not written, without the name that the file had until then.
func unwritten(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--html: no page was written to %s: %w", filepath.Clean(path), withoutPrefix(err))
}
