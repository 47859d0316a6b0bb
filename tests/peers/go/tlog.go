// Checks a log of Carnet with golang.org/x/mod/sumdb, which knows nothing of Carnet: the checkpoint as a signed note, every
// record of the entry bundles by an inclusion proof that is made from the tiles, consistency proofs between sizes, and
// cosignatures of a witness. Usage: tlog LOG [WITNESS-KEY] [CHANGE], where CHANGE damages what is checked. Prints a word for
// each check that holds.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var folder, change string

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		fmt.Println("not:", err)
		os.Exit(1)
	}
}

// swap changes one bit.
func swap(data []byte, at int) []byte {
	out := append([]byte{}, data...)
	out[at] ^= 1
	return out
}

func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

// tiles reads the files of C2SP tlog-tiles: as those of the checksum database, without the height in the path.
type tiles struct{}

func (tiles) Height() int { return 8 }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (tiles) ReadTiles(all []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range all {
		path := fmt.Sprintf("tile/%d/%s", tile.L, number(tile.N))
		if tile.W != 256 {
			path += fmt.Sprintf(".p/%d", tile.W)
		}
		data := read(path)
		if change == "tile" && tile.L == 0 {
			data = swap(data, 40)
		}
		out = append(out, data)
	}
	return out, nil
}

// cosigner is a note.Verifier of C2SP tlog-cosignature, Ed25519.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	if change == "time" {
		time++
	}
	return ed25519.Verify(c.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)), sig[8:])
}

func witness(vkey string) cosigner {
	parts := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if raw[0] != 4 || len(raw) != 33 {
		check(errors.New("the key of no cosigner"))
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	return cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), raw[1:]}
}

func tree(text string) (int64, tlog.Hash) {
	lines := strings.Split(text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return size, root
}

// entries are the leaves as the bundles have them.
func entries(size int64) [][]byte {
	var out [][]byte
	for n := int64(0); n*256 < size; n++ {
		path := "tile/entries/" + number(n)
		if width := size - n*256; width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		for data := read(path); len(data) > 0; {
			end := 2 + int(binary.BigEndian.Uint16(data))
			out = append(out, data[2:end])
			data = data[end:]
		}
	}
	return out
}

func main() {
	folder = os.Args[1]
	if len(os.Args) > 3 {
		change = os.Args[3]
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read("vkey"))))
	check(err)
	checkpoint := read("checkpoint")
	if change == "checkpoint" {
		checkpoint = swap(checkpoint, strings.Index(string(checkpoint), "\n")+1)
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	check(err)
	size, root := tree(opened.Text)
	words := []string{"note"}

	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{})
	all := entries(size)
	if int64(len(all)) != size {
		check(fmt.Errorf("%d entries of %d", len(all), size))
	}
	for i, entry := range all {
		if change == "entry" && i == len(all)/2 {
			entry = swap(entry, 10)
		}
		proof, err := tlog.ProveRecord(size, int64(i), reader)
		check(err)
		check(tlog.CheckRecord(proof, size, root, int64(i), tlog.RecordHash(entry)))
	}
	words = append(words, "inclusion")

	for _, old := range []int64{1, size / 3, size / 2, size - 1} {
		then, err := tlog.TreeHash(old, reader)
		check(err)
		if change == "consistency" {
			then = tlog.Hash(sha256.Sum256(then[:]))
		}
		proof, err := tlog.ProveTree(size, old, reader)
		check(err)
		check(tlog.CheckTree(proof, size, root, old, then))
	}
	words = append(words, "consistency")

	if len(os.Args) > 2 && os.Args[2] != "" {
		by := witness(os.Args[2])
		names, err := filepath.Glob(filepath.Join(folder, "anchors", "*[0-9]"))
		check(err)
		signed := 0
		for _, name := range names {
			data, err := os.ReadFile(name)
			check(err)
			opened, err := note.Open(data, note.VerifierList(verifier, by))
			check(err)
			for _, sig := range opened.Sigs {
				if sig.Name == by.Name() {
					signed++
				}
			}
		}
		if signed == 0 {
			check(errors.New("no cosignature by this witness"))
		}
		words = append(words, "cosignatures")
	}
	fmt.Println(strings.Join(words, ", "))
}
