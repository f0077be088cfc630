package view

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dnseal/cmd/internal/mailbox"
	"dnseal/smime/message"
)

// upload is one file that was dropped.
type upload struct {
	name string
	data *message.Spool // unlinked, where it is large
}

// drop reads what was dropped, has it verified, and leads to the result.
func (s *Server) drop(w http.ResponseWriter, r *http.Request) {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		busy.write(w)
		return
	}
	body := &patient{body: r.Body, control: http.NewResponseController(w), idle: s.opts.Limits.Idle, end: time.Now().Add(s.opts.Limits.Time)}
	files, err := s.read(w, r, body)
	if err != nil {
		closeAll(files)
		s.refuse(w, body, err)
		return
	}
	d, err := s.enqueue(files)
	if err != nil {
		closeAll(files)
		busy.write(w)
		return
	}
	select { // most are verified at once
	case <-d.done:
	case <-time.After(patience):
	case <-r.Context().Done():
	}
	writeInTime(w)
	seeOther(w, s.result(d))
}

// result is the address of what came of a drop, relative to /drop: the message, where it is one and
// nothing is to be said besides; else the list.
func (s *Server) result(d *drop) string {
	v := s.shelf.look(d)
	if v.Done && v.Total == 1 && len(v.Notes) == 0 && v.Entries[0].Link != "" {
		return "d/" + strconv.Itoa(d.number) + "/1"
	}
	return "./#d" + strconv.Itoa(d.number)
}

func closeAll(files []upload) {
	for _, f := range files {
		_ = f.data.Close()
	}
}

// enqueue has files verified, in its turn.
func (s *Server) enqueue(files []upload) (*drop, error) {
	var names []string
	j := job{close: func() { closeAll(files) }, walk: func(arg string, each func(mailbox.Message) error) error {
		i, _ := strconv.Atoi(arg) // as below
		return mailbox.WalkReader(files[i].data.Open(), files[i].name, each)
	}}
	for i, f := range files {
		names = append(names, f.name)
		if isEvidence(f.name, f.data) {
			j.kept = append(j.kept, kept{name: f.name, src: f.data, size: f.data.Size()})
			continue
		}
		if holdsEvidence(f.data, f.data.Size()) {
			j.inside(f.name)
		}
		j.args = append(j.args, strconv.Itoa(i))
	}
	j.drop = s.shelf.add(names)
	if err := s.queue(j); err != nil {
		s.shelf.mu.Lock()
		s.shelf.remove(j.drop)
		s.shelf.mu.Unlock()
		return nil, err
	}
	return j.drop, nil
}

// Errors of read.
var (
	errNoForm   = errors.New("view: this is no form")
	errNoFiles  = errors.New("view: no file was chosen")
	errTooMany  = errors.New("view: too many files")
	errTooSlow  = errors.New("view: the upload took too long")
	errTooLarge = errors.New("view: too large")
)

// read reads the files of a form, as they come: none is written under a name.
func (s *Server) read(w http.ResponseWriter, r *http.Request, body io.ReadCloser) (files []upload, err error) {
	if r.ContentLength > s.opts.Limits.Upload {
		return nil, errTooLarge
	}
	r.Body = http.MaxBytesReader(w, body, s.opts.Limits.Upload)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errNoForm
	}
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && len(files) == 0:
			return nil, errNoFiles
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return files, err
		case part.FileName() == "": // an empty form has one of these
			continue
		case len(files) == s.opts.Limits.Files:
			return files, errTooMany
		}
		f, err := s.readPart(part)
		files = append(files, f)
		if err != nil {
			return files, err
		}
	}
}

// readPart reads one file. It is in memory, or in an unlinked file where it is large.
func (s *Server) readPart(part *multipart.Part) (upload, error) {
	f := upload{name: baseName(part.FileName()), data: message.NewSpool(s.opts.Limits.Upload)}
	_, err := io.Copy(f.data, part)
	return f, err
}

// baseName is the name of a file without folders, as some browsers send them.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return name
}

const maxName = 200

// refuse answers an upload that failed. What is left of it is read first, for a while: browsers
// show no answer before they have sent everything.
func (s *Server) refuse(w http.ResponseWriter, body io.Reader, err error) {
	a := s.refusal(err)
	if a.status != http.StatusRequestTimeout {
		_, _ = io.CopyN(io.Discard, body, 4*s.opts.Limits.Upload)
	}
	w.Header().Set("Connection", "close")
	a.write(w)
	// The server reads on for a moment, so that the answer arrives before the connection ends.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
}

// refusal is the page for an error of read.
func (s *Server) refusal(err error) answer {
	large := new(http.MaxBytesError)
	switch {
	case errors.Is(err, errNoFiles):
		return noFiles
	case errors.Is(err, errTooLarge), errors.As(err, &large):
		return tooLarge(s.opts.Limits.Upload)
	case errors.Is(err, errTooMany):
		return tooMany(s.opts.Limits.Files)
	case errors.Is(err, errTooSlow), errors.Is(err, os.ErrDeadlineExceeded):
		return tooSlow
	case errors.Is(err, syscall.ENOSPC):
		return noSpace
	}
	return brokenUpload
}

// patient reads a body: each piece must come in time, and all of it until end.
type patient struct {
	body    io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	end     time.Time
}

func (p *patient) Read(b []byte) (int, error) {
	now := time.Now()
	if now.After(p.end) {
		return 0, errTooSlow
	}
	if err := p.control.SetReadDeadline(now.Add(p.idle)); err != nil {
		return 0, err
	}
	return p.body.Read(b)
}

func (p *patient) Close() error { return p.body.Close() }
