from __future__ import annotations

from pathlib import Path

from knative_local.manifests.document import read_folder


def test_folders_inside_a_manifest_folder_are_left_out_as_kubectl_does(tmp_path: Path) -> None:
    (tmp_path / "install").mkdir()
    (tmp_path / "install" / "platform.yaml").write_text("kind: KnativeServing\n")
    (tmp_path / "service.yaml").write_text("kind: Service\n")
    assert [document.file for document in read_folder(tmp_path)] == [str(tmp_path / "service.yaml")]
