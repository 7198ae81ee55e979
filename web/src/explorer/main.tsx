// The explorer page.
import {coreOfPage} from "../common/core";
import {Frame, startPage} from "../common/frame";
import {dataOfPage} from "../common/payload";
import {t} from "../common/texts";

startPage(async () => {
  const data = dataOfPage();
  const core = await coreOfPage();
  return (
    <Frame title="explorer.title">
      <p>{data === undefined ? t("explorer.title") : data.length}</p>
      <p class="quiet">{core.call("pw_page_version")}</p>
    </Frame>
  );
});
