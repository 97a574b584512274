package config

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Output says where the backend's output goes; see Config.OutputTo.
type Output struct {
	To    string // one of outlets or an absolute path
	Limit Size   // rotated beyond
	Keep  int    // files in all
}

// outlets is what output.to may be besides a path.
var outlets = []string{"auto", "journal", "stdout", "syslog"}

// outlet is a value that is one of outlets or an absolute path.
type outlet struct{ to *string }

func (f outlet) get() any { return word(*f.to) }
func (f outlet) set(v any) error {
	s, err := asText(v)
	switch {
	case err != nil:
		return err
	case slices.Contains(outlets, s):
		*f.to = s
	case !filepath.IsAbs(s):
		return fmt.Errorf("%q is neither an absolute path nor one of %s", s, either(outlets))
	default:
		*f.to = filepath.Clean(s)
	}
	return nil
}

// OutputTo is where the output goes: "journal", "stdout", "syslog" or the path of a file. What "auto" means depends on how
// keepone was started: around is "journal", "stdout", or "" for the file.
func (c *Config) OutputTo(around string) string {
	switch {
	case c.Output.To != "auto":
		return c.Output.To
	case around != "":
		return around
	case c.by.Root:
		return "/var/log/keepone/" + c.Name + ".log"
	}
	return filepath.Join(c.by.RunDir, "output.log")
}
