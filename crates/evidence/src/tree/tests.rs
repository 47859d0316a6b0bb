//! Tree: published vectors, the definition of RFC 6962 as a model, properties of proofs and tiles.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The inputs and roots of the test tree of Certificate Transparency (merkletree tests of the RFC 6962 log code).
const INPUTS: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// MTH of RFC 6962, section 2.1, word for word.
fn mth(leaves: &[Vec<u8>]) -> Hash {
    match leaves.len() {
        0 => Sha256::digest([]).into(),
        1 => leaf_hash(&leaves[0]),
        n => {
            let k = n.next_power_of_two() / 2;
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

#[test]
fn roots_of_the_published_test_tree() {
    let mut tree = Tree::new();
    assert_eq!(hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (input, root) in INPUTS.iter().zip(ROOTS) {
        tree.push(input);
        assert_eq!(hex(&tree.root()), root, "{} leaves", tree.size());
    }
}

#[test]
fn paths_of_tiles() {
    let cases = [
        (tile_path(0, 0, 0), "tile/0/000"),
        (tile_path(1, 5, 3), "tile/1/005.p/3"),
        (tile_path(0, 1_234_067, 0), "tile/0/x001/x234/067"),
        (tile_path(0, 1_000, 255), "tile/0/x001/000.p/255"),
        (entries_path(273, 112), "tile/entries/273.p/112"),
    ];
    for (path, want) in cases {
        assert_eq!(path, want);
    }
}

/// The files of a tree, written in flushes after the given numbers of leaves.
fn files(leaves: &[Vec<u8>], every: usize) -> (Tree, BTreeMap<String, Vec<u8>>) {
    let (mut tree, mut out) = (Tree::new(), BTreeMap::new());
    for (i, leaf) in leaves.iter().enumerate() {
        tree.push(leaf);
        if i % every == every - 1 {
            out.extend(tree.flush().into_iter().map(|f| (f.path, f.bytes)));
        }
    }
    out.extend(tree.flush().into_iter().map(|f| (f.path, f.bytes)));
    (tree, out)
}

fn numbered(n: usize) -> Vec<Vec<u8>> {
    (0..n).map(|i| format!("leaf {i}").into_bytes()).collect()
}

#[test]
fn tiles_over_two_levels() {
    // 70,000 leaves: 273 full tiles of level 0, one of level 1, one hash of level 2.
    let leaves = numbered(70_000);
    let (tree, files) = files(&leaves, 70_000);
    for path in ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(files.contains_key(path), "{path}");
    }
    let mut read = |path: &str| files.get(path).cloned();
    let mut hash = |level, index| hash_from_tiles(level, index, 70_000, &mut read);
    assert_eq!(subtree_root(0, 70_000, &mut hash), Ok(tree.root()));
    let proof = inclusion(65_535, 70_000, &mut hash).unwrap();
    assert_eq!(verify_inclusion(&leaf_hash(&leaves[65_535]), 65_535, 70_000, &proof, &tree.root()), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn root_is_as_defined(n in 0usize..600) {
        let leaves = numbered(n);
        let mut tree = Tree::new();
        leaves.iter().for_each(|l| { tree.push(l); });
        prop_assert_eq!(tree.root(), mth(&leaves));
        prop_assert_eq!(tree.frontier().hashes().len() as u32, (n as u64).count_ones());
    }

    #[test]
    fn a_tree_goes_on_from_its_files(n in 0usize..1100, more in 0usize..300, every in 1usize..300) {
        let leaves = numbered(n + more);
        let (tree, stored) = files(&leaves[..n], every);
        let mut resumed = Tree::resume(n as u64, &mut |p| stored.get(p).cloned()).unwrap();
        prop_assert_eq!(resumed.frontier(), tree.frontier());
        leaves[n..].iter().for_each(|l| { resumed.push(l); });
        prop_assert_eq!(resumed.root(), mth(&leaves));
        let (_, whole) = files(&leaves, n + more + 1);
        for file in resumed.flush() {
            prop_assert_eq!(whole.get(&file.path), Some(&file.bytes), "{}", file.path);
        }
    }

    #[test]
    fn inclusion_proofs_hold_and_only_there(n in 1usize..600, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let leaves = numbered(n);
        let (tree, stored) = files(&leaves, 97);
        let (size, index) = (n as u64, at.index(n));
        let mut read = |p: &str| stored.get(p).cloned();
        let mut hash = |level, i| hash_from_tiles(level, i, size, &mut read);
        let mut proof = inclusion(index as u64, size, &mut hash).unwrap();
        let leaf = leaf_hash(&leaves[index]);
        prop_assert_eq!(verify_inclusion(&leaf, index as u64, size, &proof, &tree.root()), Ok(()));
        prop_assert!(verify_inclusion(&leaf_hash(b"other"), index as u64, size, &proof, &tree.root()).is_err());
        let mut longer = proof.clone();
        longer.push(leaf);
        prop_assert!(verify_inclusion(&leaf, index as u64, size, &longer, &tree.root()).is_err());
        if !proof.is_empty() {
            let bit = bit.index(proof.len() * 256);
            proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(&leaf, index as u64, size, &proof, &tree.root()).is_err());
            proof.pop();
            prop_assert!(verify_inclusion(&leaf, index as u64, size, &proof, &tree.root()).is_err());
        }
    }

    #[test]
    fn consistency_proofs_hold_and_only_there(n in 1usize..600, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let leaves = numbered(n);
        let (tree, stored) = files(&leaves, 97);
        let (size, old) = (n as u64, at.index(n + 1));
        let old_root = mth(&leaves[..old]);
        let old = old as u64;
        let mut read = |p: &str| stored.get(p).cloned();
        let mut hash = |level, i| hash_from_tiles(level, i, size, &mut read);
        let mut proof = consistency(old, size, &mut hash).unwrap();
        prop_assert_eq!(verify_consistency(old, &old_root, size, &tree.root(), &proof), Ok(()));
        prop_assert!(verify_consistency(old, &leaf_hash(b"other"), size, &tree.root(), &proof).is_err());
        if old > 0 {
            prop_assert!(verify_consistency(old, &old_root, size, &leaf_hash(b"other"), &proof).is_err());
        }
        if !proof.is_empty() {
            let bit = bit.index(proof.len() * 256);
            proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_consistency(old, &old_root, size, &tree.root(), &proof).is_err());
            proof.pop();
            prop_assert!(verify_consistency(old, &old_root, size, &tree.root(), &proof).is_err());
        }
    }

    #[test]
    fn made_up_proofs_do_not_panic(old in any::<u64>(), size in any::<u64>(), index in any::<u64>(), n in 0usize..70) {
        let proof = vec![[7u8; 32]; n];
        prop_assert!(verify_consistency(old, &[1; 32], size, &[2; 32], &proof).is_err());
        prop_assert!(verify_inclusion(&[1; 32], index, size, &proof, &[2; 32]).is_err());
    }
}
