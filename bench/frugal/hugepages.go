package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// hugeDir has the kernel's settings of transparent huge pages, Documentation/admin-guide/mm/transhuge.rst: enabled, for
// all anonymous memory, and khugepaged, which makes huge pages of small ones when a process has long had them.
const hugeDir = "/sys/kernel/mm/transparent_hugepage"

// hugePages is what is in force: always, madvise or never; "none" for a kernel without them.
func hugePages() (string, error) {
	text, err := os.ReadFile(filepath.Join(hugeDir, "enabled"))
	if errors.Is(err, os.ErrNotExist) {
		return "none", nil
	}
	_, rest, _ := strings.Cut(string(text), "[")
	setting, _, _ := strings.Cut(rest, "]")
	return setting, err
}

// withHugePages does something under another setting, which is the whole machine's, and with a khugepaged that does at
// once what it else does in the course of hours. Whatever happens, the former settings are put back. Where they cannot be
// changed it says so, and nothing is done.
func withHugePages(setting, former string, do func() error) (err error) {
	wanted := [][2]string{{"khugepaged/scan_sleep_millisecs", "10"}, {"khugepaged/pages_to_scan", "1000000"}}
	if setting != former {
		wanted = append(wanted, [2]string{"enabled", setting})
	}
	if setting != "always" {
		wanted = wanted[2:]
	}
	for _, w := range wanted {
		file := filepath.Join(hugeDir, w[0])
		text, e := os.ReadFile(file)
		if e == nil {
			e = os.WriteFile(file, []byte(w[1]), 0)
		}
		if e != nil {
			fmt.Printf("\nnot measured with transparent huge pages %q: %v\n", setting, e)
			return nil
		}
		was := strings.TrimSpace(string(text))
		if w[0] == "enabled" {
			was = former
		}
		defer func() {
			if e := os.WriteFile(file, []byte(was), 0); e != nil {
				err = errors.Join(err, fmt.Errorf("cannot put a setting back: %w; do: echo %s > %s", e, was, file))
			}
		}()
	}
	return do()
}

// collapsed waits until khugepaged has been through all processes twice; the first time it may have been under way. With
// another setting than always it looks at nobody here.
func collapsed(ctx context.Context) error {
	if setting, err := hugePages(); err != nil || setting != "always" {
		return err
	}
	scans := func() (int, error) {
		text, err := os.ReadFile(filepath.Join(hugeDir, "khugepaged/full_scans"))
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
	first, err := scans()
	for range 6000 {
		n, e := scans()
		if err = errors.Join(err, e, ctx.Err()); err != nil || n >= first+2 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("khugepaged did not go through all processes within a minute")
}
