"""Static files under names that change with their content, the modules' imports included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # comes untyped
    """As whitenoise keeps them, with imports between ES modules led to those names too."""

    support_js_module_import_aggregation = True
    max_post_process_passes = 10  # a module is named after all that it imports are
