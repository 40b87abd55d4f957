// The peer of `derivatives` with sharp, decoded once. Arguments: the module, the job as JSON.
// JPEG without optimised tables, as the studio writes it; sharp's default takes longer.

const fs = require("fs");
const sharp = require(process.argv[2]);

const { file, sizes, rounds } = JSON.parse(process.argv[3]);
const data = fs.readFileSync(file);
const jpeg = { quality: 85, chromaSubsampling: "4:2:0", optimiseCoding: false };

async function once() {
  const decoded = sharp(data).rotate().removeAlpha().raw();
  const { data: pixels, info } = await decoded.toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const write = ([width, height]) =>
    sharp(pixels, { raw }).resize(width, height, { fit: "cover" }).jpeg(jpeg).toBuffer();
  const files = await Promise.all(sizes.map(write));
  return files.reduce((sum, each) => sum + each.length, 0);
}

(async () => {
  sharp.cache(false);
  let bytes = await once();
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint();
  for (let round = 0; round < rounds; round += 1) bytes = await once();
  const used = process.cpuUsage(cpu);
  const wall = Number(process.hrtime.bigint() - began) / 1e9;
  const seconds = (used.user + used.system) / 1e6;
  console.log(JSON.stringify({ wall: wall / rounds, cpu: seconds / rounds, bytes }));
})();
