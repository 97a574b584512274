package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ours are the maintainer scripts. Each begins with scripts/common.sh, since a
// package manager runs one file and no other.
var ours = []string{
	"deb.postinst", "deb.prerm", "deb.postrm",
	"rpm.post", "rpm.preun", "rpm.postun",
	"apk.post-upgrade", "apk.pre-deinstall", "apk.post-deinstall",
}

func (j *job) makeScripts() error {
	common, err := os.ReadFile(filepath.Join(j.root, "packaging/scripts/common.sh"))
	if err != nil {
		return err
	}
	for _, name := range ours {
		text, err := os.ReadFile(filepath.Join(j.root, "packaging/scripts", name))
		if err != nil {
			return err
		}
		body, found := strings.CutPrefix(string(text), "#!/bin/sh\nset -e\n")
		if !found {
			return fmt.Errorf("cannot use packaging/scripts/%s: it does not begin as all do", name)
		}
		if err := j.write(filepath.Join(j.shared.scripts, name), []byte("#!/bin/sh\nset -e\n"+string(common)+body)); err != nil {
			return err
		}
	}
	return nil
}

// addScripts names those of one format.
func (j *job) addScripts(format string, c *config) error {
	path := func(name string) string { return filepath.Join(j.shared.scripts, format+"."+name) }
	switch format {
	case "deb":
		c.Scripts = scripts{path("postinst"), path("prerm"), path("postrm")}
	case "rpm":
		c.Scripts = scripts{path("post"), path("preun"), path("postun")}
	case "apk":
		c.Scripts = scripts{"", path("pre-deinstall"), path("post-deinstall")}
		c.APK["scripts"] = map[string]string{"postupgrade": path("post-upgrade")}
	default:
		return fmt.Errorf("cannot add scripts to a %s", format)
	}
	return nil
}
